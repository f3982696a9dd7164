//! A one-time code for a terminal, to be read out or scanned. It is shown once: the server keeps its hash only.

use super::super::faults::Faults;
use super::super::{Chrome, Posted, Seat};
use crate::api::Args;
use crate::app::App;
use crate::codes::Issued;
use crate::db::DbError;
use crate::devices;
use crate::error::ApiError;
use crate::policy::Act;
use crate::store::{officers, units};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use fieldproof_presentation::html::Html;
use fieldproof_presentation::page::{Choice, Page};
use fieldproof_presentation::qr;
use fieldproof_schema::ids::OfficerId;
use fieldproof_schema::wire::error::ErrorCode;

/// Officers that the choice offers: more than a bureau has. Others are reached from the directory of officers.
const OFFICERS_OFFERED: i64 = 2000;

#[derive(Template)]
#[template(path = "admin/enrol.html")]
struct EnrolPage {
    p: Page,
    c: Chrome,
    officers: Vec<Choice>,
    faults: Faults,
}

#[derive(Template)]
#[template(path = "admin/code.html")]
struct CodePage {
    p: Page,
    c: Chrome,
    officer: String,
    issued: Issued,
    picture: Html,
}

#[derive(serde::Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    officer: String,
}

pub(super) async fn show(
    State(app): State<App>,
    seat: Seat,
    Args(wanted): Args<Wanted>,
) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::ManageDevices)?;
    Ok(seat.show(&page(&app, &seat, &wanted.officer, Faults::default()).await?))
}

async fn page(app: &App, seat: &Seat, chosen: &str, faults: Faults) -> Result<EnrolPage, ApiError> {
    let (org, asker) = (seat.actor.org, seat.actor.user.id);
    let read = move |tx: &mut crate::db::Tx<'_>| {
        Ok::<_, DbError>((officers::in_service(tx, org, asker, OFFICERS_OFFERED)?, units::all(tx, org)?))
    };
    let (known, units) = app.db.read(read).await?;
    let choice = |officer: officers::Named| {
        let unit = super::super::directory::unit_name(&units, &officer.unit_code);
        let (id, label) = (officer.id.to_string(), format!("{} ({}) {unit}", officer.name, officer.code));
        let is_chosen = id == chosen;
        Choice::new(id, label, is_chosen)
    };
    Ok(EnrolPage {
        c: Chrome::new(seat, "devices"),
        p: seat.p.clone(),
        officers: known.into_iter().map(choice).collect(),
        faults,
    })
}

pub(super) async fn issue(
    State(app): State<App>,
    seat: Seat,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::ManageDevices)?;
    let officer =
        fields.get("officer").parse::<OfficerId>().map_err(|_| ApiError::field("officer", "missing"));
    let issued = match officer {
        Ok(id) => devices::invite(&app, seat.actor.org, &seat.actor.user, id).await,
        Err(error) => Err(error),
    };
    match issued {
        Ok((officer, issued)) => Ok(seat.show(&CodePage {
            c: Chrome::new(&seat, "devices"),
            p: seat.p.clone(),
            officer: officer.facts.name,
            picture: picture(&scanned(&issued.code))?,
            issued,
        })),
        Err(error) => {
            let faults = Faults::of(&seat.p, "enrol", &[(ErrorCode::StateWrong, "officer")], error)?;
            Ok(faults.show(&page(&app, &seat, fields.get("officer"), faults.clone()).await?))
        }
    }
}

/// What a terminal reads when it scans a code.
fn scanned(code: &str) -> String {
    format!("fieldproof:enrol:1:{code}")
}

/// A QR code of a text.
fn picture(text: &str) -> Result<Html, ApiError> {
    qr::drawing(text).ok_or_else(|| ApiError::internal("a code that no picture holds"))
}

#[cfg(test)]
pub(in crate::console) mod tests {
    use super::*;
    use fieldproof_presentation::qr::QUIET;
    use std::collections::BTreeSet;

    /// What a camera reads from a page with a QR code.
    pub(in crate::console) fn read(page: &str) -> String {
        let drawn = page.split("fill=\"#000\" d=\"").nth(1).unwrap().split('"').next().unwrap();
        let at = |module: &str| {
            let (x, y) = module.trim_end_matches("h1v1h-1z").split_once(' ').unwrap();
            (x.parse::<usize>().unwrap(), y.parse::<usize>().unwrap())
        };
        let dark: BTreeSet<_> = drawn.split('M').skip(1).map(at).collect();
        let size = dark.iter().map(|(x, _)| *x).max().unwrap() - QUIET + 1;
        let grid = rqrr::SimpleGrid::from_func(size, |x, y| dark.contains(&(x + QUIET, y + QUIET)));
        rqrr::Grid::new(grid).decode().unwrap().1
    }

    #[test]
    fn a_code_is_read_back_from_its_picture() {
        let text = scanned("K7M2-9QXD");
        assert_eq!(text, "fieldproof:enrol:1:K7M2-9QXD");
        assert_eq!(read(picture(&text).unwrap().as_str()), text);
    }
}
