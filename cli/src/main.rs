//! The fibra command: serve a directory over HTTP.

fn main() {}
