//! Tokens for servers that want them: OAuth 2.1 as MCP has it, by the SDK.

use std::time::Duration;

use futures_util::future::BoxFuture;
use rmcp::transport::auth::{
    AuthError, AuthorizationManager, AuthorizationRequest, AuthorizationSession, ClientCredentialsConfig,
};
use url::Url;

use crate::{Security, Text};

mod callback;
mod store;

use callback::Callback;
pub(crate) use store::Credentials;

/// How long the user may take to grant access.
const CONSENT_TIMEOUT: Duration = Duration::from_secs(300);

/// How to get a token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OAuthSettings {
    /// How massgen is known to the authorization server; it registers itself where this is missing.
    pub client_id: Option<Text>,
    /// The secret that belongs to the id.
    pub client_secret: Option<Text>,
    /// The address of a document that describes massgen, for servers that take such a document for an id.
    pub client_metadata_url: Option<String>,
    /// What to ask for; what the server proposes where this is empty.
    pub scopes: Vec<String>,
    /// Who grants access.
    pub grant: OAuthGrant,
    /// The port on this machine to which the user's browser is sent back; any free one where this is missing.
    pub redirect_port: Option<u16>,
}

/// Who grants access.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OAuthGrant {
    /// The user, in a browser.
    #[default]
    AuthorizationCode,
    /// Nobody is asked: the client's id and secret suffice.
    ClientCredentials,
}

/// Brings the user to an address where access is granted.
pub trait Authorizer: Send + Sync {
    /// Opens or shows `url`, for the server called `server`. `false` when there is nobody to show it to. Massgen
    /// waits for the browser to come back on its own.
    fn show<'a>(&'a self, server: &'a str, url: &'a str) -> BoxFuture<'a, bool>;
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizationError {
    /// Discovery, registration or the exchange failed.
    #[error("the authorization server could not be dealt with")]
    Server {
        /// Why.
        source: Box<AuthError>,
    },
    /// There is nobody to ask.
    #[error("a user must grant access in a browser, and none is there; run massgen once interactively")]
    NoUser,
    /// The user did not grant access in time.
    #[error("access was not granted within {} s", CONSENT_TIMEOUT.as_secs())]
    TimedOut,
    /// No address for the browser to come back to.
    #[error("no port of this machine can be listened at for the browser to come back; free the `redirect_port`")]
    Callback {
        /// Why.
        source: std::io::Error,
    },
    /// The settings are incomplete.
    #[error("`client_credentials` needs `client_id` and `client_secret`")]
    NoClient,
}

impl From<AuthError> for AuthorizationError {
    fn from(error: AuthError) -> Self {
        Self::Server { source: Box::new(error) }
    }
}

/// What keeps one server's tokens. A stored token is used as soon as the server is reached again.
///
/// # Errors
/// When the stored token's authorization server cannot be found out.
pub(crate) async fn manager(
    url: &Url,
    security: &Security,
    credentials: &Credentials,
) -> Result<AuthorizationManager, AuthError> {
    let mut manager = if security.allow_private_ips {
        AuthorizationManager::new_allowing_private_addresses(url.clone()).await?
    } else {
        AuthorizationManager::new(url.clone()).await?
    };
    manager.set_credential_store(credentials.clone());
    if credentials.has_token() {
        manager.initialize_from_store().await?;
    }
    Ok(manager)
}

/// What authorization needs to know of a server.
pub(crate) struct Authorization<'a> {
    pub server: &'a str,
    pub url: &'a Url,
    pub security: &'a Security,
    pub settings: &'a OAuthSettings,
    pub credentials: &'a Credentials,
    pub authorizer: Option<&'a dyn Authorizer>,
}

impl Authorization<'_> {
    /// Gets a token and stores it. `challenge` is what the server said when it refused.
    ///
    /// # Errors
    /// When there is none to be had.
    pub(crate) async fn authorize(&self, challenge: Option<&str>) -> Result<(), AuthorizationError> {
        let mut manager = if self.security.allow_private_ips {
            AuthorizationManager::new_allowing_private_addresses(self.url.clone()).await?
        } else {
            AuthorizationManager::new(self.url.clone()).await?
        };
        manager.set_credential_store(self.credentials.clone());
        let challenge = challenge.filter(|challenge| !challenge.trim().is_empty());
        let resolution = manager.resolve_metadata_from_challenge(challenge).await?;
        manager.set_metadata(resolution.metadata);
        match self.settings.grant {
            OAuthGrant::ClientCredentials => self.exchange(manager).await,
            OAuthGrant::AuthorizationCode => self.ask(manager, challenge).await,
        }
    }

    async fn exchange(&self, mut manager: AuthorizationManager) -> Result<(), AuthorizationError> {
        let settings = self.settings;
        let (Some(id), Some(secret)) = (&settings.client_id, &settings.client_secret) else {
            return Err(AuthorizationError::NoClient);
        };
        let config = ClientCredentialsConfig::ClientSecret {
            client_id: id.as_str().to_owned(),
            client_secret: secret.as_str().to_owned(),
            scopes: settings.scopes.clone(),
            resource: Some(self.url.to_string()),
        };
        manager.validate_client_credentials_metadata(&config)?;
        manager.configure_client_credentials(&config)?;
        manager.exchange_client_credentials(&config).await?;
        Ok(())
    }

    async fn ask(&self, manager: AuthorizationManager, challenge: Option<&str>) -> Result<(), AuthorizationError> {
        let authorizer = self.authorizer.ok_or(AuthorizationError::NoUser)?;
        let callback = Callback::listen(self.settings.redirect_port).await;
        let callback = callback.map_err(|source| AuthorizationError::Callback { source })?;
        let mut request = AuthorizationRequest::new(callback.url())
            .with_scopes(self.settings.scopes.clone())
            .with_client_name("massgen");
        if let Some(id) = &self.settings.client_id {
            request = request.with_preregistered_client(id.as_str());
        }
        if let Some(secret) = &self.settings.client_secret {
            request = request.with_client_secret(secret.as_str());
        }
        if let Some(url) = &self.settings.client_metadata_url {
            request = request.with_client_metadata_url(url);
        }
        if let Some(challenge) = challenge {
            request = request.with_challenge(challenge);
        }
        let session = AuthorizationSession::new(manager, request).await.map_err(|(_, error)| error)?;
        if !authorizer.show(self.server, session.get_authorization_url()).await {
            return Err(AuthorizationError::NoUser);
        }
        let came_back = tokio::time::timeout(CONSENT_TIMEOUT, callback.wait()).await;
        let url = came_back.map_err(|_| AuthorizationError::TimedOut)?;
        let url = url.map_err(|source| AuthorizationError::Callback { source })?;
        session.handle_callback_url(&url).await?;
        Ok(())
    }
}
