//! There is nothing to compare with where there is no io_uring.

pub fn main() -> std::io::Result<()> {
    Err(std::io::Error::new(std::io::ErrorKind::Unsupported, "this compares with io_uring, which is Linux's"))
}
