//! Completion I/O for one thread over io_uring or epoll.
