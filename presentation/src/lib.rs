//! What people look at: texts in Chinese and English.

pub mod texts;
