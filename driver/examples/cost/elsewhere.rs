//! There is nothing to compare.

pub fn main() -> std::io::Result<()> {
    println!("this compares io_uring with epoll: it runs on Linux");
    Ok(())
}
