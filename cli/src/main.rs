//! The fibra command: serve a directory over HTTP.
#![allow(dead_code)]
mod arguments;
mod connections;
mod first;
mod listing;
mod log;
mod page;
mod range;
mod request_path;
mod root;
mod shutdown;
mod timestamp;

fn main() {}
