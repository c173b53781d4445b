//! placeholder
use crate::{machine::Machine, results::Measured};
use std::{io, path::Path, time::Duration};
pub fn write(_: &Path, _: &Machine, _: &[Measured], _: Duration) -> io::Result<()> {
    Ok(())
}
