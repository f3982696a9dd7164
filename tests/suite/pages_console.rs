//! The console's reviewing pages, asked for as browsers do: what they show, to whom, and what they hold against.

mod decisions;
mod doors;
mod scene;
mod shown;
