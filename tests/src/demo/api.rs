//! A small JSON caller over real sockets.

use reqwest::{Client, Method, StatusCode};
use serde_json::Value;
use std::time::Duration;

/// Nothing in the demo should take longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// One base address and one token.
#[derive(Clone)]
pub struct Api {
    base: String,
    token: Option<String>,
    client: Client,
}

/// An answer: its status and its JSON, or null where there is none.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body.
    pub body: Value,
}

/// What went wrong, as a sentence for whoever watches the demo.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A client for this machine's own services.
pub(crate) fn client(patience: Duration) -> Result<Client, reqwest::Error> {
    // The product's own choice; installing it a second time changes nothing.
    rustls::crypto::ring::default_provider().install_default().ok();
    Client::builder().timeout(patience).no_proxy().build()
}

impl Api {
    /// A caller without a token.
    pub fn new(base: &str) -> Result<Self, Failure> {
        Ok(Self { base: base.trim_end_matches('/').to_owned(), token: None, client: client(PATIENCE)? })
    }

    /// The same caller with a token.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same caller, of a server that listens elsewhere now.
    pub(crate) fn at(&self, base: &str) -> Self {
        Self { base: base.trim_end_matches('/').to_owned(), ..self.clone() }
    }

    /// Sends bytes.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        media_type: &str,
        bytes: Vec<u8>,
    ) -> Result<Answer, Failure> {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if !bytes.is_empty() {
            request = request.header("content-type", media_type).body(bytes);
        }
        let answer = request.send().await?;
        let status = answer.status();
        let body = answer.bytes().await?;
        Ok(Answer { status, body: serde_json::from_slice(&body).unwrap_or(Value::Null) })
    }

    async fn json(&self, method: Method, path: &str, body: &Value) -> Result<Value, Failure> {
        let bytes = if body.is_null() { Vec::new() } else { serde_json::to_vec(body)? };
        let answer = self.send(method.clone(), path, "application/json", bytes).await?;
        if answer.status.is_success() {
            return Ok(answer.body);
        }
        Err(format!("{method} {path} was answered with {}: {}", answer.status, answer.body).into())
    }

    /// `GET`, which must succeed.
    pub async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.json(Method::GET, path, &Value::Null).await
    }

    /// `POST`, which must succeed.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.json(Method::POST, path, body).await
    }

    /// `PUT`, which must succeed.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.json(Method::PUT, path, body).await
    }

    /// `GET` of bytes, which must succeed.
    pub async fn bytes(&self, path: &str) -> Result<Vec<u8>, Failure> {
        self.bytes_by(Method::GET, path).await
    }

    /// Bytes that are the answer to a request without a body, which must succeed.
    pub async fn bytes_by(&self, method: Method, path: &str) -> Result<Vec<u8>, Failure> {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await?.error_for_status()?;
        Ok(answer.bytes().await?.to_vec())
    }
}
