//! Green threads and futures on one work-stealing scheduler over completion I/O.
