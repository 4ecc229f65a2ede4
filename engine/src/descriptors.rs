//! How many files and connections the system lets this program open.
//!
//! A number that is wanted in, whether there are so many out. Many systems begin with 1,024 of them and allow more to whoever
//! asks; a program that has none left can neither take a connection nor write its log.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Makes the system let us open so many, as far as it allows; gives how many it is if they are fewer.
pub fn ask_for(wanted: u64) -> Result<(), u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let is_enough = |limit: Option<u64>| limit.is_none_or(|limit| limit >= wanted);
    if is_enough(current) {
        return Ok(());
    }
    let most = maximum.map_or(wanted, |maximum| maximum.min(wanted));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum });
    match raised {
        Ok(()) if most >= wanted => Ok(()),
        Ok(()) => Err(most),
        Err(_) => Err(current.unwrap_or(u64::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_allows_is_got_and_what_it_does_not_is_told() {
        assert_eq!(ask_for(1), Ok(()));
        if let Some(maximum) = getrlimit(Resource::Nofile).maximum {
            assert_eq!(ask_for(maximum), Ok(()));
            assert_eq!(getrlimit(Resource::Nofile).current, Some(maximum));
            assert_eq!(ask_for(maximum + 1), Err(maximum));
        }
    }
}
