//! System calls on Windows: functions of `ntdll`, each of which loads a number, enters the kernel, and returns. A thread that
//! waits stands in one of them.
//!
//! The numbers change with each release. So calls are told by the functions' names, and numbered in the order of their code.

use std::ffi::CStr;
use std::sync::LazyLock;
use windows_sys::Win32::System::Diagnostics::Debug::{IMAGE_DIRECTORY_ENTRY_EXPORT, IMAGE_NT_HEADERS64};
use windows_sys::Win32::System::LibraryLoader::GetModuleHandleW;
use windows_sys::Win32::System::SystemServices::{IMAGE_DOS_HEADER, IMAGE_EXPORT_DIRECTORY};
use windows_sys::w;

/// Waits on an address, as locks and conditions do.
pub(crate) const LOCK_CALL: &str = "NtWaitForAlertByThreadId";

pub(crate) const SLEEP_CALLS: &[&str] = &["NtDelayExecution"];

/// The length of such a function, at most.
const LONGEST: usize = 32;

/// A function's address and name.
type Call = (usize, &'static str);

/// In the order of their addresses.
static CALLS: LazyLock<Vec<Call>> = LazyLock::new(|| {
    // SAFETY: the name is ended by zero; the library is in every process, and stays.
    let mut calls = unsafe { exports(GetModuleHandleW(w!("ntdll.dll")).cast::<u8>()) };
    calls.retain(|&(address, name)| name.starts_with("Nt") && is_entry(address));
    calls.sort_unstable();
    calls
});

/// The call in which a thread waits that stands there.
pub(crate) fn system_call_at(program_counter: usize) -> Option<i64> {
    let index = CALLS.partition_point(|(address, _)| *address < program_counter).checked_sub(1)?;
    (program_counter - CALLS[index].0 < LONGEST).then_some(index as i64)
}

pub(crate) fn system_call_name(number: i64) -> Option<&'static str> {
    CALLS.get(usize::try_from(number).ok()?).map(|(_, name)| *name)
}

/// Whether a function begins as those do: the first argument is kept from the kernel's return address, and a number is loaded.
fn is_entry(function: usize) -> bool {
    const MOVE_ARGUMENT_AND_LOAD: [u8; 4] = [0x4c, 0x8b, 0xd1, 0xb8];
    // SAFETY: code of a library that stays, longer than this.
    unsafe { std::ptr::with_exposed_provenance::<[u8; 4]>(function).read() == MOVE_ARGUMENT_AND_LOAD }
}

/// What a library exports by name, code and data.
///
/// # Safety
///
/// It is loaded there, and stays.
unsafe fn exports(base: *const u8) -> Vec<Call> {
    let at = |offset: u32| base.wrapping_add(offset as usize);
    base.expose_provenance();
    // SAFETY: the loader maps a library's headers at its start, and has checked them: each tells where the next one lies, how many
    // entries a table has, and where names are, which are ended by zero.
    unsafe {
        let dos = &*base.cast::<IMAGE_DOS_HEADER>();
        let headers = at(dos.e_lfanew as u32).cast::<IMAGE_NT_HEADERS64>();
        let table = (*headers).OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_EXPORT as usize];
        let exports = &*at(table.VirtualAddress).cast::<IMAGE_EXPORT_DIRECTORY>();
        let names = at(exports.AddressOfNames).cast::<u32>();
        let ordinals = at(exports.AddressOfNameOrdinals).cast::<u16>();
        let functions = at(exports.AddressOfFunctions).cast::<u32>();
        (0..exports.NumberOfNames as usize)
            .filter_map(|index| {
                let name = CStr::from_ptr(at(names.add(index).read()).cast()).to_str().ok()?;
                let function = functions.add(usize::from(ordinals.add(index).read())).read();
                Some((at(function).addr(), name))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_known_by_any_place_in_it() {
        for name in SLEEP_CALLS.iter().chain(&[LOCK_CALL]) {
            let (address, _) = CALLS.iter().find(|(_, known)| known == name).expect("every release has it");
            let number = system_call_at(address + 1).unwrap();
            assert_eq!(system_call_name(number), Some(*name));
        }
    }

    #[test]
    fn other_code_is_no_call() {
        assert_eq!(system_call_at(other_code_is_no_call as fn() as usize), None);
        assert_eq!(system_call_at(0), None);
        assert_eq!((system_call_name(-1), system_call_name(99_999)), (None, None));
    }
}
