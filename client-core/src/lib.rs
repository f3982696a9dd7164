//! The handheld library: a local store that never needs the server, and the sync engine.
