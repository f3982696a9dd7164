//! What the platform says about the network: originals go over a metered one as far as the officer lets them.

use super::Json;
use crate::app::App;
use crate::error::ApiError;
use crate::uploads::Network;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn routes() -> Router<App> {
    Router::new().route("/api/v1/network", get(show).put(tell))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NetworkBody {
    metered: Metered,
}

/// `true`, `false` or `"unknown"`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Metered {
    Known(bool),
    Other(Unknown),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Unknown {
    Unknown,
}

async fn show(State(app): State<App>) -> axum::Json<Value> {
    let metered = match app.uploads().network() {
        Network::Unknown => json!("unknown"),
        Network::Metered => json!(true),
        Network::Unmetered => json!(false),
    };
    let choices = app.uploads().choices();
    axum::Json(json!({
        "metered": metered,
        "uploads_paused": choices.paused,
        "metered_megabytes_max": choices.metered_megabytes_max,
    }))
}

async fn tell(State(app): State<App>, Json(body): Json<NetworkBody>) -> Result<axum::Json<Value>, ApiError> {
    let network = match body.metered {
        Metered::Known(true) => Network::Metered,
        Metered::Known(false) => Network::Unmetered,
        Metered::Other(Unknown::Unknown) => Network::Unknown,
    };
    app.tell_network(network, true);
    Ok(show(State(app)).await)
}
