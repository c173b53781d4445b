//! Shows what was measured: tables for people, one JSON object a line for programs, and a page for the browser.

mod json;
mod page;
mod text;
mod words;

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use crate::machine::Machine;
use crate::options::Options;
use crate::results::Measured;

/// Where results go.
pub struct Report {
    /// Whether standard output gets JSON instead of tables.
    json: bool,
    /// The directory that gets the page.
    directory: Option<PathBuf>,
    machine: Machine,
}

impl Report {
    /// Opens the outputs that `options` ask for, and says what is going to be measured where.
    ///
    /// # Errors
    ///
    /// When the directory for the page can't be made, or standard output is gone.
    pub fn begin(options: &Options, run: &[Measured]) -> io::Result<Self> {
        let report =
            Self { json: options.json, directory: options.report.clone(), machine: Machine::read(run) };
        if let Some(directory) = &report.directory {
            std::fs::create_dir_all(directory)?;
        }
        let mut out = io::stdout().lock();
        if report.json {
            json::write(&mut out, json::opening(&report.machine, run))?;
        } else {
            text::opening(&mut out, &report.machine, run)?;
        }
        out.flush()?;
        Ok(report)
    }

    /// Shows the bench that was measured last, of those that were measured so far.
    ///
    /// The page is written anew each time: a run that is interrupted leaves one of what it has measured.
    ///
    /// # Errors
    ///
    /// When an output can't be written.
    pub fn bench(&self, so_far: &[Measured], elapsed: Duration) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match so_far.last() {
            Some(measured) if self.json => json::write(&mut out, json::bench(measured))?,
            Some(measured) => text::bench(&mut out, measured)?,
            None => {}
        }
        out.flush()?;
        match &self.directory {
            Some(directory) => page::write(directory, &self.machine, so_far, elapsed),
            None => Ok(()),
        }
    }

    /// Sums up.
    ///
    /// # Errors
    ///
    /// When standard output is gone.
    pub fn end(&self, run: &[Measured], elapsed: Duration) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.json {
            json::write(&mut out, [json::total(run, elapsed)])?;
        } else {
            text::closing(&mut out, run, elapsed)?;
        }
        out.flush()?;
        if let Some(directory) = &self.directory {
            eprintln!("The page is {}.", directory.join("index.html").display());
        }
        Ok(())
    }
}
