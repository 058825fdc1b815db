//! Keeps one server's tokens: in memory, and in a file that only the user can read.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use rmcp::transport::auth::{AuthError, CredentialStore, StoredCredentials};

/// See the module. Clones share what they keep.
#[derive(Clone)]
pub(crate) struct Credentials {
    state: Arc<Mutex<Option<StoredCredentials>>>,
    path: Option<Arc<Path>>,
}

impl Credentials {
    /// Credentials that are kept at `path`, if anywhere. What cannot be read there is as good as not there.
    pub(crate) fn new(path: Option<PathBuf>) -> Self {
        let text = path.as_deref().and_then(|path| std::fs::read(path).ok());
        let stored = text.and_then(|text| serde_json::from_slice(&text).ok());
        Self { state: Arc::new(Mutex::new(stored)), path: path.map(Into::into) }
    }

    pub(crate) fn has_token(&self) -> bool {
        self.get().is_some_and(|stored| stored.token_response.is_some())
    }

    fn get(&self) -> Option<StoredCredentials> {
        self.state.lock().ok()?.clone()
    }

    fn set(&self, credentials: Option<StoredCredentials>) -> Result<(), AuthError> {
        if let Some(path) = &self.path {
            let written = match &credentials {
                Some(credentials) => write(path, credentials),
                None => std::fs::remove_file(path).or_else(|error| match error.kind() {
                    std::io::ErrorKind::NotFound => Ok(()),
                    _ => Err(error),
                }),
            };
            let at = |error| AuthError::CredentialStoreError(format!("cannot write {}: {error}", path.display()));
            written.map_err(at)?;
        }
        if let Ok(mut state) = self.state.lock() {
            *state = credentials;
        }
        Ok(())
    }
}

/// Writes a new file and puts it in place of the old one.
fn write(path: &Path, credentials: &StoredCredentials) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let new = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(&serde_json::to_vec(credentials)?)?;
    file.sync_all()?;
    std::fs::rename(&new, path)
}

/// What the SDK's trait wants, which is written with a macro there.
type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, AuthError>> + Send + 'a>>;

impl CredentialStore for Credentials {
    fn load<'a, 'b>(&'a self) -> Answer<'b, Option<StoredCredentials>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(std::future::ready(Ok(self.get())))
    }

    fn save<'a, 'b>(&'a self, credentials: StoredCredentials) -> Answer<'b, ()>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(std::future::ready(self.set(Some(credentials))))
    }

    fn clear<'a, 'b>(&'a self) -> Answer<'b, ()>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(std::future::ready(self.set(None)))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn tokens_survive_in_a_file_that_only_the_user_can_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens/x.json");
        let stored: StoredCredentials = serde_json::from_value(serde_json::json!({
            "client_id": "me", "token_response": {"access_token": "t", "token_type": "bearer"},
        }))
        .unwrap();
        Credentials::new(Some(path.clone())).set(Some(stored)).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = Credentials::new(Some(path.clone()));
        assert!(again.has_token());
        again.set(None).unwrap();
        assert!(!path.exists() && !Credentials::new(Some(path)).has_token());
    }
}
