//! How many handles a process may have: as many as it has memory for.

pub fn make_room(_descriptors: u64) -> Result<(), String> {
    Ok(())
}
