//! Whose visit is whose: what a terminal may read and write, and what happens when that changes.

mod matrix;
