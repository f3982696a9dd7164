//! The loopback service: opened, announced, served until it is told to stop.

pub mod ready;

use crate::api;
use crate::app::App;
use crate::config::ServeSettings;
use crate::error::StartError;
use crate::guard::{self, Guard};
use crate::officers::{Officers, Others};
use crate::pages::{self, Face, Settings};
use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::middleware;
use axum::response::{Redirect, Response};
use axum::routing::get;
use fieldproof_client_core::{HttpTransport, Options, SystemHost, Timeouts};
use fieldproof_presentation::http::{Limits, serve};
use ready::Ready;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// How long requests in flight may take once the service is told to stop. Acts are committed in far less.
const GRACE: Duration = Duration::from_secs(5);

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// A terminal that listens and is not served yet.
pub struct Service {
    listener: TcpListener,
    officers: Officers,
    ready: Ready,
}

impl Service {
    /// Opens the store, as far as that needs no passphrase or one is given, and listens.
    pub async fn open(
        settings: &ServeSettings,
        options: Options,
        passphrase: Option<String>,
    ) -> Result<Self, StartError> {
        if !settings.listen.ip().is_loopback() {
            return Err(StartError::NotLoopback(settings.listen));
        }
        let transport = HttpTransport::new(&settings.server, Timeouts::default());
        let transport = transport.map_err(StartError::Server)?;
        let listen = |source| StartError::Listen { address: settings.listen, source };
        let listener = TcpListener::bind(settings.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;

        // Pages of other officers tell where this one's begin; what programs need they do not tell.
        let [page, secret] = [(); 2].map(|()| guard::draw_secret(&SystemHost::new()));
        let officers = Officers::open(address, settings, (options, Arc::new(transport)), [&page, &secret])?;
        let app = officers.first();
        if let Some(passphrase) = passphrase
            && app.is_locked()
        {
            // It is served all the same: the officer unlocks it on the page.
            if let Err(error) = app.unlock(passphrase).await {
                tracing::error!(
                    error.code = error.code().as_str(),
                    "the passphrase that was given does not unlock"
                );
            }
        }
        Ok(Self {
            listener,
            officers,
            ready: Ready {
                listening: format!("http://{address}"),
                open: format!("http://{address}/{page}"),
                secret,
            },
        })
    }

    /// Where it listens, and the secret.
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// Serves until `shutdown` is ready, then lets acts finish and returns.
    ///
    /// # Errors
    /// When the socket no longer listens.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let officers = self.officers.clone();
        officers.begin();
        let shutdown = async {
            shutdown.await;
            // A sync that waits for the network must not hold up its asker's connection, and so the end.
            officers.close();
        };
        let limits = Limits { grace: GRACE, ..Limits::default() };
        let served = serve(self.listener, self.officers.router(), limits, shutdown).await;
        self.officers.end().await;
        served
    }
}

/// The whole service of one officer behind its guard, which looks at a request before any route is searched.
pub fn router(app: App, guard: Guard, settings: Settings) -> Router {
    router_among(app, guard, settings, None)
}

/// The same on a terminal that others use, too.
pub fn router_among(app: App, guard: Guard, settings: Settings, others: Option<Others>) -> Router {
    let pages = pages::routes(Face::new(app.clone(), guard.root(), settings, others));
    let start = guard.root().to_owned();
    let inside = api::routes(app)
        .nest(guard.root(), pages)
        .route(&format!("{start}/"), get(async move || Redirect::to(&start)));
    Router::new()
        .fallback_service(inside)
        .layer(middleware::from_fn_with_state(guard, guard::check))
        .layer(middleware::map_response(harden))
}

/// Nothing here is for other origins, for caches, or to be rendered by itself.
async fn harden(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Not `no-referrer`: browsers then send forms with the origin `null`, and we could not tell our own.
        (REFERRER_POLICY, "same-origin"),
        (RESOURCE_POLICY, "same-origin"),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; sandbox"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
