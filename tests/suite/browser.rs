//! The faces in a real browser, against the real programs.

mod start;
