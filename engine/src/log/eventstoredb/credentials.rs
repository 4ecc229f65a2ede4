//! With which name and password we come to the server: from the environment or from a file, never from an address.

use std::path::Path;

use chatledger_connectors::connector::Secret;

use crate::config::SecretSource;

/// The variable with the user's name.
pub const USER: &str = "CHATLEDGER_EVENTSTOREDB_USER";

/// The variable with the password.
pub const PASSWORD: &str = "CHATLEDGER_EVENTSTOREDB_PASSWORD";

/// The variable with the name of the file that holds the password.
pub const PASSWORD_FILE: &str = "CHATLEDGER_EVENTSTOREDB_PASSWORD_FILE";

/// A user of the server.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The name.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// Why there is no telling who we are.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// There is a name without a password.
    #[error("{USER} is set, but neither {PASSWORD} nor {PASSWORD_FILE}; set one of them")]
    NoPassword,
    /// There is a password without a name.
    #[error("there is a password for the log, but {USER} is not set; set it to the user's name")]
    NoUser,
    /// There are two passwords.
    #[error("{PASSWORD} and {PASSWORD_FILE} are both set; take one of them away")]
    TwoPasswords,
    /// The file with the password cannot be read.
    #[error("the file {path:?}, which {PASSWORD_FILE} names, cannot be read; make it readable for this program")]
    File {
        /// Its name.
        path: String,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
}

impl Credentials {
    /// Looks them up. `None`: we come without a name, which a server without protection allows.
    pub fn look_up(source: &dyn SecretSource) -> Result<Option<Self>, CredentialsError> {
        let set = |name| source.variable(name).filter(|value| !value.trim().is_empty());
        let password = match (set(PASSWORD), set(PASSWORD_FILE)) {
            (Some(_), Some(_)) => return Err(CredentialsError::TwoPasswords),
            (Some(password), None) => Some(password),
            (None, Some(path)) => {
                let file = source.file(Path::new(&path));
                let text = file.map_err(|cause| CredentialsError::File { path: path.clone(), cause })?;
                // Editors end files with a line break.
                Some(text.trim_end_matches(['\r', '\n']).to_owned())
            }
            (None, None) => None,
        };
        match (set(USER), password) {
            (None, None) => Ok(None),
            (Some(user), Some(password)) => Ok(Some(Self { user, password: Secret::new(password) })),
            (Some(_), None) => Err(CredentialsError::NoPassword),
            (None, Some(_)) => Err(CredentialsError::NoUser),
        }
    }

    pub(super) fn for_the_client(&self) -> eventstore::Credentials {
        eventstore::Credentials::new(self.user.clone(), self.password.reveal().to_owned())
    }
}
