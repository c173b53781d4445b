//! fio, the program that disks are measured with: the limit with `O_DIRECT`.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::blocks::{COUNTED, WARM_UP, figures, prepare};
use super::is_direct;
use crate::bench::{Case, Measurement, Subject};

/// fio, where the disk is what it measures.
pub const SUBJECTS: &[Subject] = &[Subject::new("fio", "fio", fio).needs("fio").only(is_direct)];

/// fio's own figures for the same reads of the same file, whose contents it doesn't look at.
fn fio(case: &Case) -> Vec<Measurement> {
    let path = prepare(true).expect("the file can be made");
    let output = Command::new("fio")
        .args(["--name=reads", "--readonly", "--rw=randread", "--bs=4k", "--direct=1", "--norandommap"])
        .args(["--ioengine=io_uring", "--registerfiles", "--fixedbufs", "--group_reporting"])
        .args(["--time_based", "--output-format=json"])
        .arg(format!("--filename={}", path.display()))
        .arg(format!("--ramp_time={}ms", WARM_UP.as_millis()))
        .arg(format!("--runtime={}ms", COUNTED.as_millis()))
        .arg(format!("--iodepth={}", case.get("depth") / case.get("workers")))
        .arg(format!("--numjobs={}", case.get("workers")))
        .output()
        .expect("fio is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).expect("fio prints JSON");
    let job = &report["jobs"][0];
    let number = |value: &Value| value.as_f64().expect("fio reports a number");
    let wall = Duration::from_secs_f64(number(&job["read"]["runtime"]) / 1e3);
    let share = (number(&job["usr_cpu"]) + number(&job["sys_cpu"])) / 100.0;
    let cpu = Duration::from_secs_f64(number(&job["job_runtime"]) / 1e3 * share);
    figures(number(&job["read"]["total_ios"]), wall, cpu)
}
