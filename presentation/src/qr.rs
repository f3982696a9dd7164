//! QR codes as drawings of the page itself: no picture is fetched.

use crate::html::Html;
use qrcode::{Color, EcLevel, QrCode};

/// Light modules around a code, without which cameras do not find it (ISO/IEC 18004).
pub const QUIET: usize = 4;
/// Characters of a text of capitals and digits that a camera still reads off a screen.
pub const CHARS_MAX: usize = 1_200;

/// A QR code of a text, black on white in every appearance. `None` for a text that no code holds.
pub fn drawing(text: &str) -> Option<Html> {
    let level = if text.len() < 100 { EcLevel::M } else { EcLevel::L };
    let code = QrCode::with_error_correction_level(text, level).ok()?;
    let width = code.width();
    let dark = code.to_colors().into_iter().enumerate().filter(|(_, color)| *color == Color::Dark);
    let modules: String =
        dark.map(|(at, _)| format!("M{} {}h1v1h-1z", at % width + QUIET, at / width + QUIET)).collect();
    let side = width + 2 * QUIET;
    Some(Html::new(format!(
        "<svg class=\"fp-qr\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\" aria-hidden=\"true\">\
         <path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path fill=\"#000\" d=\"{modules}\"/></svg>"
    )))
}
