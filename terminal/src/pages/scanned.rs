//! A form with a text, or with a photo of a QR code that holds it.

use crate::qr::{self, Read};
use axum::extract::Multipart;
use axum::extract::multipart::MultipartRejection;
use axum::http::StatusCode;
use fieldproof_presentation::fields::Fields;

/// What the photo of a form says.
pub(super) enum Scan {
    /// There is none.
    None,
    /// This text.
    Text(String),
    /// Nothing that is wanted: the status of the answer, and which words to say.
    Unread(StatusCode, &'static str),
}

/// The fields of a form, and what its photo says.
pub(super) async fn scanned(form: Result<Multipart, MultipartRejection>) -> (Fields, Scan) {
    let read = match form {
        Ok(form) => parts(form).await,
        Err(_) => Err(StatusCode::BAD_REQUEST),
    };
    let (fields, photo) = match read {
        Ok(read) => read,
        Err(status) => {
            let key = match status {
                StatusCode::PAYLOAD_TOO_LARGE => "terminal.enrol.picture.large",
                _ => "terminal.enrol.picture.none",
            };
            return (Fields::default(), Scan::Unread(status, key));
        }
    };
    if photo.is_empty() {
        return (fields, Scan::None);
    }
    // Unpacking and looking take long; other pages go on meanwhile.
    let key = match tokio::task::spawn_blocking(move || qr::read_recovery(&photo)).await {
        Ok(Read::Code(text)) => return (fields, Scan::Text(text)),
        Ok(Read::Other) => "terminal.recovery.picture.other",
        Ok(Read::Nothing) => "terminal.enrol.picture.nothing",
        Ok(Read::NoPhoto) | Err(_) => "terminal.enrol.picture.none",
    };
    (fields, Scan::Unread(StatusCode::UNPROCESSABLE_ENTITY, key))
}

/// The fields of a form with a photo, and the photo.
pub(super) async fn parts(mut form: Multipart) -> Result<(Fields, Vec<u8>), StatusCode> {
    let (mut fields, mut photo) = (Vec::new(), Vec::new());
    while let Some(field) = form.next_field().await.map_err(|error| error.status())? {
        let name = field.name().unwrap_or_default().to_owned();
        let bytes = field.bytes().await.map_err(|error| error.status())?;
        match name.as_str() {
            "picture" => photo = bytes.to_vec(),
            _ => fields.push((name, String::from_utf8_lossy(&bytes).into_owned())),
        }
    }
    Ok((fields.into_iter().collect(), photo))
}
