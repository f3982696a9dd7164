//! The handheld app: client-core behind a loopback service and a command line.
