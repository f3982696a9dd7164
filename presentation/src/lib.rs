//! What people look at: texts in Chinese and English, and the loop that serves pages.

pub mod http;
pub mod texts;
