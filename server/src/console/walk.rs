//! The administrators' pages, walked as a browser without scripts walks them.

mod tests;
