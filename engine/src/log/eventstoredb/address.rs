//! Where an EventStoreDB or KurrentDB is, as it is written: `esdb://host:2113?tls=false`.
//!
//! Takes a connection string as the vendor writes it, gives its parts. Absent are name and password, which a command
//! line or a configuration would show to everybody ([`super::credentials`] has them from elsewhere), and what the adapter
//! sees to itself: deadlines, discovery, the preferred node.

use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What our streams' names begin with at the server, unless told otherwise. Whoever shares a server gives each
/// installation one of its own.
pub const DEFAULT_PREFIX: &str = "chatledger.";

/// The port of a server that names none.
const DEFAULT_PORT: u16 = 2113;

/// What may stand unescaped in a parameter of a connection string.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_');

/// Where a server or a cluster is, and how it is spoken to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Address {
    /// Whether the one host is a name behind which the nodes of a cluster are asked for.
    pub discover: bool,
    /// The nodes that are asked first.
    pub hosts: Vec<Host>,
    /// How the connection is protected.
    pub protection: Protection,
    /// What our streams' names begin with at the server.
    pub prefix: String,
}

/// A node's name and port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Host {
    /// A name or a number.
    pub name: String,
    /// Its port.
    pub port: u16,
}

/// How the connection is protected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Protection {
    /// Not at all.
    None,
    /// By TLS.
    Tls {
        /// Whether the server must prove who it is.
        verify: bool,
        /// The file with the authority's certificate; otherwise those that the system trusts.
        authority: Option<String>,
        /// The files with our own certificate and its key.
        ours: Option<(String, String)>,
    },
}

/// A text that is no address of a server.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{reason}; {remedy}")]
pub struct NotAnAddress {
    /// What is wrong. Never shows what could be a password.
    pub reason: String,
    /// What to write instead.
    pub remedy: String,
}

impl NotAnAddress {
    fn new(reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { reason: reason.into(), remedy: remedy.into() }
    }
}

/// Whether a text begins as an address of this kind does.
pub fn is_scheme(scheme: &str) -> bool {
    matches!(scheme.strip_suffix("+discover").unwrap_or(scheme), "esdb" | "kurrentdb" | "kurrent" | "kdb")
}

impl FromStr for Address {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        const FORM: &str = "write it as esdb://HOST:2113, or esdb://ONE:2113,OTHER:2113,THIRD:2113 for a cluster";
        let (scheme, rest) =
            text.split_once("://").ok_or_else(|| NotAnAddress::new("it is no address of a server", FORM))?;
        if !is_scheme(scheme) {
            return Err(NotAnAddress::new("it does not begin with esdb:// or kurrentdb://", FORM));
        }
        if rest.contains('@') {
            return Err(NotAnAddress::new(
                "a name or a password must not stand in the address, where everybody can read it",
                format!(
                    "take it away and set the variables {} and {}",
                    super::credentials::USER,
                    super::credentials::PASSWORD
                ),
            ));
        }
        let (hosts, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let hosts = hosts.strip_suffix('/').unwrap_or(hosts);
        let hosts = hosts.split(',').map(|host| Host::parse(host, FORM)).collect::<Result<Vec<_>, _>>()?;
        let discover = scheme.ends_with("+discover");
        if discover && hosts.len() > 1 {
            return Err(NotAnAddress::new("only one name can be asked for the nodes", "write esdb:// before several"));
        }
        let parameters = Parameters::parse(parameters)?;
        Ok(Self { discover, hosts, protection: parameters.protection()?, prefix: parameters.prefix })
    }
}

impl Host {
    fn parse(text: &str, form: &str) -> Result<Self, NotAnAddress> {
        // The colons of a number in brackets are its own.
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
            Some(_) | None => (text, None),
        };
        let port = match port {
            None => DEFAULT_PORT,
            Some(port) => port.parse().map_err(|_| NotAnAddress::new(format!("{port:?} is no port"), form))?,
        };
        let is_name = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte))
            && (name.starts_with('[') == name.contains(':'));
        if !is_name {
            return Err(NotAnAddress::new(format!("{name:?} is no name of a host"), form));
        }
        Ok(Self { name: name.to_owned(), port })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.name, self.port)
    }
}

/// What stands behind the question mark.
struct Parameters {
    tls: bool,
    verify: bool,
    authority: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
    prefix: String,
}

impl Parameters {
    fn parse(text: &str) -> Result<Self, NotAnAddress> {
        let mut parameters = Self {
            tls: true,
            verify: true,
            authority: None,
            certificate: None,
            key: None,
            prefix: DEFAULT_PREFIX.to_owned(),
        };
        for parameter in text.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let value = percent_decode_str(value)
                .decode_utf8()
                .map_err(|_| NotAnAddress::new(format!("the value of {name} is no text"), "write it in UTF-8"))?;
            match name.to_ascii_lowercase().as_str() {
                "tls" => parameters.tls = flag(name, &value)?,
                "tlsverifycert" => parameters.verify = flag(name, &value)?,
                "tlscafile" => parameters.authority = Some(value.into_owned()),
                "usercertfile" => parameters.certificate = Some(value.into_owned()),
                "userkeyfile" => parameters.key = Some(value.into_owned()),
                "streamprefix" => parameters.prefix = prefix(&value)?,
                "nodepreference" if value.eq_ignore_ascii_case("leader") => {}
                "nodepreference" => {
                    return Err(NotAnAddress::new(
                        "nodePreference must be leader: only there can what was written be read at once",
                        "take it away",
                    ));
                }
                // Strings from the vendor's console carry these; ours are set to the same end.
                "keepaliveinterval" | "keepalivetimeout" | "connectionname" => {}
                "maxdiscoverattempts"
                | "discoveryinterval"
                | "gossiptimeout"
                | "defaultdeadline"
                | "throwonappendfailure" => {
                    return Err(NotAnAddress::new(format!("{name} is seen to by Chatledger itself"), "take it away"));
                }
                _ => {
                    return Err(NotAnAddress::new(
                        format!("{name:?} is not known"),
                        "known are tls, tlsVerifyCert, tlsCaFile, userCertFile, userKeyFile and streamPrefix",
                    ));
                }
            }
        }
        Ok(parameters)
    }

    fn protection(&self) -> Result<Protection, NotAnAddress> {
        if !self.tls {
            return match &self.authority {
                None if self.certificate.is_none() && self.key.is_none() => Ok(Protection::None),
                _ => Err(NotAnAddress::new("certificates are named, but tls is false", "take one of both away")),
            };
        }
        let ours = match (&self.certificate, &self.key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
            _ => return Err(NotAnAddress::new("only one of userCertFile and userKeyFile is named", "name both")),
        };
        Ok(Protection::Tls { verify: self.verify, authority: self.authority.clone(), ours })
    }
}

fn flag(name: &str, value: &str) -> Result<bool, NotAnAddress> {
    value.parse().map_err(|_| NotAnAddress::new(format!("{name} is neither true nor false"), "write one of them"))
}

fn prefix(value: &str) -> Result<String, NotAnAddress> {
    if value.is_empty() || value.starts_with('$') || value.contains(['\0', ' ']) {
        return Err(NotAnAddress::new(
            format!("{value:?} cannot be what our streams' names begin with"),
            format!("write letters and a dot, as in {DEFAULT_PREFIX:?}; what begins with $ is the server's own"),
        ));
    }
    Ok(value.to_owned())
}

impl Address {
    /// The connection string as the client crate reads it, with everything that the adapter decides. It holds no secret.
    pub(super) fn for_the_client(&self) -> String {
        let escaped = |text: &str| utf8_percent_encode(text, PLAIN).to_string();
        // The first call waits one discovery interval even if all is well; and with one attempt it would try none.
        let mut text = format!(
            "{}?nodePreference=leader&maxDiscoverAttempts=3&discoveryInterval=1&gossipTimeout=2000\
             &keepAliveInterval=10000&keepAliveTimeout=10000&connectionName=chatledger",
            self.place("esdb")
        );
        match &self.protection {
            // Without a file it would read the system's certificates all the same, and not survive a bad one.
            Protection::None => text.push_str("&tls=false&tlsCaFile=/dev/null"),
            Protection::Tls { verify, authority, ours } => {
                text.push_str(&format!("&tls=true&tlsVerifyCert={verify}"));
                if let Some(authority) = authority {
                    text.push_str(&format!("&tlsCaFile={}", escaped(authority)));
                }
                if let Some((certificate, key)) = ours {
                    text.push_str(&format!("&userCertFile={}&userKeyFile={}", escaped(certificate), escaped(key)));
                }
            }
        }
        text
    }

    fn place(&self, scheme: &str) -> String {
        let discover = if self.discover { "+discover" } else { "" };
        let hosts: Vec<_> = self.hosts.iter().map(Host::to_string).collect();
        format!("{scheme}{discover}://{}", hosts.join(","))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let escaped = |text: &str| utf8_percent_encode(text, PLAIN).to_string();
        let mut parameters = Vec::new();
        match &self.protection {
            Protection::None => parameters.push("tls=false".to_owned()),
            Protection::Tls { verify, authority, ours } => {
                if !verify {
                    parameters.push("tlsVerifyCert=false".to_owned());
                }
                if let Some(authority) = authority {
                    parameters.push(format!("tlsCaFile={}", escaped(authority)));
                }
                if let Some((certificate, key)) = ours {
                    parameters.push(format!("userCertFile={}", escaped(certificate)));
                    parameters.push(format!("userKeyFile={}", escaped(key)));
                }
            }
        }
        if self.prefix != DEFAULT_PREFIX {
            parameters.push(format!("streamPrefix={}", escaped(&self.prefix)));
        }
        formatter.write_str(&self.place("esdb"))?;
        if !parameters.is_empty() {
            write!(formatter, "?{}", parameters.join("&"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_as_it_is_shown() {
        for text in [
            "esdb://localhost:2113?tls=false",
            "esdb+discover://cluster.example:2113",
            "esdb://a:1,b:2,c:3?tlsCaFile=/etc/ca%20file.pem",
            "esdb://[::1]:2113?tlsVerifyCert=false&streamPrefix=sales.",
            "esdb://a:2113?userCertFile=/c.pem&userKeyFile=/k.pem",
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
            assert_eq!(address.to_string().parse(), Ok(address.clone()));
            let settings: eventstore::ClientSettings = address.for_the_client().parse().unwrap();
            assert_eq!(settings.hosts().len(), address.hosts.len());
            assert_eq!(settings.hosts()[0].port, u32::from(address.hosts[0].port));
        }
    }

    #[test]
    fn the_newer_names_mean_the_same() {
        let old: Address = "esdb+discover://a".parse().unwrap();
        for scheme in ["kurrentdb", "kurrent", "kdb"] {
            assert_eq!(format!("{scheme}+discover://a/?nodePreference=Leader").parse(), Ok(old.clone()));
        }
    }

    #[test]
    fn what_is_wrong_is_named_and_a_password_never_shown() {
        for (text, word) in [
            ("esdb://", "host"),
            ("esdb://a:b", "port"),
            ("esdb://a b", "host"),
            ("http://a", "esdb"),
            ("esdb://a?tls=perhaps", "tls"),
            ("esdb://a?colour=red", "colour"),
            ("esdb://a?maxDiscoverAttempts=1", "maxDiscoverAttempts"),
            ("esdb://a?nodePreference=follower", "leader"),
            ("esdb://a?tls=false&tlsCaFile=x", "tls"),
            ("esdb://a?userCertFile=x", "userKeyFile"),
            ("esdb://a?streamPrefix=$x", "prefix"),
            ("esdb+discover://a,b", "one name"),
        ] {
            let wrong = text.parse::<Address>().unwrap_err();
            let told = wrong.to_string();
            assert!(told.contains(word) || (word == "prefix" && told.contains("begin with")), "{text}: {told}");
        }
        let wrong = "esdb://admin:opensesame@a".parse::<Address>().unwrap_err();
        assert!(!wrong.to_string().contains("opensesame"));
        assert!(wrong.remedy.contains("CHATLEDGER_EVENTSTOREDB_PASSWORD"));
    }
}
