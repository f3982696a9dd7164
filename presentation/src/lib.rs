//! What people look at: texts in Chinese and English, the kit of pages, and the loop that serves them.
//!
//! Terminal and server build their pages from it and may not depend on each other. It decides nothing: what a page shows
//! is handed to it.

#![forbid(unsafe_code)]

pub mod assets;
mod captures;
pub mod csv;
pub mod fields;
pub mod format;
pub mod html;
pub mod http;
pub mod page;
pub mod qr;
pub mod texts;
