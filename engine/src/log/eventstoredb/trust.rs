//! What the client needs to find in this process and on this machine before it makes a connection, for it does not
//! survive its absence: no choice of cryptography made by somebody else, and certificates that can be read.

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::sync::OnceLock;

use super::address::Protection;

/// Why no connection can be made from here.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// Somebody in this program was first.
    #[error(
        "another part of this program has chosen its cryptography for everybody, and the client of the server cannot live \
         with that; open the log before it does"
    )]
    Chosen,
    /// A certificate cannot be read.
    #[error("the certificates of {place} cannot be read: {why}; {remedy}")]
    Unreadable {
        /// Where they are.
        place: String,
        /// What is wrong.
        why: String,
        /// What to do.
        remedy: String,
    },
}

/// Checks what the client would panic over.
pub(super) fn check(protection: &Protection) -> Result<(), TrustError> {
    // The first client makes its own choice; once it was allowed to, that choice is in force and no surprise.
    static ALLOWED: OnceLock<()> = OnceLock::new();
    if ALLOWED.get().is_none() {
        if CryptoProvider::get_default().is_some() {
            return Err(TrustError::Chosen);
        }
        let _first = ALLOWED.set(());
    }
    let Protection::Tls { verify: _, authority, ours } = protection else { return Ok(()) };
    match authority {
        Some(file) => {
            let mut roots = RootCertStore::empty();
            let mut count = 0;
            let certificates =
                CertificateDer::pem_file_iter(file).map_err(|error| in_file(file, &error.to_string()))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|error| in_file(file, &error.to_string()))?;
                roots.add(certificate).map_err(|error| in_file(file, &error.to_string()))?;
                count += 1;
            }
            if count == 0 {
                return Err(in_file(file, "there is none in it"));
            }
        }
        None => check_the_systems()?,
    }
    if let Some((certificate, key)) = ours {
        let certificates =
            CertificateDer::pem_file_iter(certificate).map_err(|error| in_file(certificate, &error.to_string()))?;
        for read in certificates {
            read.map_err(|error| in_file(certificate, &error.to_string()))?;
        }
        rustls::pki_types::PrivateKeyDer::from_pem_file(key).map_err(|error| in_file(key, &error.to_string()))?;
    }
    Ok(())
}

fn check_the_systems() -> Result<(), TrustError> {
    let unreadable = |why: String| TrustError::Unreadable {
        place: "this system".to_owned(),
        why,
        remedy: "mend them, or name the authority's file with tlsCaFile".to_owned(),
    };
    let loaded = rustls_native_certs::load_native_certs();
    if let Some(error) = loaded.errors.first() {
        return Err(unreadable(error.to_string()));
    }
    let mut roots = RootCertStore::empty();
    for certificate in loaded.certs {
        roots.add(certificate).map_err(|error| unreadable(error.to_string()))?;
    }
    Ok(())
}

fn in_file(file: &str, why: &str) -> TrustError {
    TrustError::Unreadable {
        place: format!("the file {file:?}"),
        why: why.to_owned(),
        remedy: "name a readable file in PEM form".to_owned(),
    }
}
