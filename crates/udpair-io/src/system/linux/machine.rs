//! This machine's name (gethostname(2)).

use std::io;

/// Returns the machine's name; see [`machine_name`](crate::machine_name).
pub(crate) fn machine_name() -> io::Result<String> {
    let mut name = [0_u8; NAME_BYTES];
    // SAFETY: `name` is writable for its length.
    let result = unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len()) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    Ok(String::from_utf8_lossy(name).into_owned())
}

/// `HOST_NAME_MAX` is 64 on Linux (gethostname(2)), and a NUL follows.
const NAME_BYTES: usize = 65;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_name_is_that_of_the_kernel() {
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        assert_eq!(machine_name().unwrap(), name.trim_end());
    }
}
