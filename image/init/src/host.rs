//! What the host hands over beside the measured inputs, and that it is no more than a machine of ours has.
//!
//! ACPI tables and the files of QEMU's configuration device (fw_cfg) are in no launch measurement. Nothing of them reaches the service,
//! and byte code among them cannot touch memory (kernel patch 0001); all the same a machine that carries more of either than the
//! launcher's line gives it was tampered with or misconfigured, and does not serve.

use crate::refusal::Refusal;
use std::path::Path;

/// ACPI tables that a machine may have, one of each (ACPI 6.5, tables 5.5 and 5.6). The DSDT alone carries byte code: a table with
/// more of it (SSDT, PSDT), or one of a vendor's (OEMx), is refused. CCEL and SVKL are TDX's (Intel 344426), BGRT is the firmware's.
const TABLES: [&str; 15] = [
    "APIC", "BGRT", "CCEL", "DSDT", "FACP", "FACS", "HMAT", "HPET", "MCFG", "SLIT", "SPCR", "SRAT",
    "SVKL", "WAET", "WSMT",
];
/// Folders beside the tables: `data` holds what tables point to, `dynamic` what byte code loaded.
const DATA: &str = "data";
const DYNAMIC: &str = "dynamic";

/// Looks at the kernel's list of tables (`/sys/firmware/acpi/tables`).
///
/// A second table of the same signature is listed with a number behind its name, so it is refused as well.
pub(crate) fn tables(folder: &Path) -> Result<(), Refusal> {
    for name in names(folder, "ACPI tables")? {
        match name.as_str() {
            DATA => {}
            DYNAMIC => {
                if let Some(loaded) = names(&folder.join(DYNAMIC), "ACPI tables")?.pop() {
                    return Err(Refusal::new(
                        "ACPI tables",
                        "none loaded by byte code",
                        loaded,
                    ));
                }
            }
            known if TABLES.contains(&known) => {}
            _ => return Err(Refusal::new("ACPI tables", "no other table", name)),
        }
    }
    Ok(())
}

/// Files of the configuration device that QEMU makes for a q35 machine by itself (QEMU `docs/specs/fw_cfg.rst` and `hw/i386`).
const FILES: [&str; 19] = [
    "bios-geometry",
    "bootorder",
    "etc/acpi/rsdp",
    "etc/acpi/tables",
    "etc/boot-fail-wait",
    "etc/e820",
    "etc/msr_feature_control",
    "etc/reserved-memory-end",
    "etc/smbios/smbios-anchor",
    "etc/smbios/smbios-tables",
    "etc/smi/features-ok",
    "etc/smi/requested-features",
    "etc/smi/supported-features",
    "etc/system-states",
    "etc/table-loader",
    "etc/tpm/log",
    "genroms/kvmvapic.bin",
    "genroms/linuxboot_dma.bin",
    "genroms/multiboot_dma.bin",
];
/// Folders of the names above lie this deep, and no deeper.
const DEPTH: usize = 3;

/// Looks at the names of the files of the configuration device (`/sys/firmware/qemu_fw_cfg/by_name`). Contents are not read. A
/// machine without the device has no such folder.
pub(crate) fn configuration_files(folder: &Path) -> Result<(), Refusal> {
    match folder.try_exists() {
        Ok(true) => below(folder, "", DEPTH),
        Ok(false) => Ok(()),
        Err(error) => Err(Refusal::failed("configuration files", "a list of names")(
            error,
        )),
    }
}

fn below(folder: &Path, prefix: &str, depth: usize) -> Result<(), Refusal> {
    for name in names(folder, "configuration files")? {
        let path = folder.join(&name);
        let full = format!("{prefix}{name}");
        // Files are links to folders named by a number; what is a folder itself is a part of a name.
        let kind = std::fs::symlink_metadata(&path)
            .map_err(Refusal::failed("configuration files", "a list of names"))?;
        if kind.is_dir() && depth > 1 {
            below(&path, &format!("{full}/"), depth.saturating_sub(1))?;
        } else if kind.is_dir() || !FILES.contains(&full.as_str()) {
            return Err(Refusal::new("configuration files", "no other file", full));
        }
    }
    Ok(())
}

/// The names in a folder, sorted, so that a refusal names the same one each time.
fn names(folder: &Path, check: &'static str) -> Result<Vec<String>, Refusal> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Refusal::failed(check, "a list of names"))? {
        let entry = entry.map_err(Refusal::failed(check, "a list of names"))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::path::PathBuf;

    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let folder =
                std::env::temp_dir().join(format!("cloister-init-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&folder).unwrap();
            Self(folder)
        }

        fn file(&self, path: &str) {
            let path = self.0.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"").unwrap();
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            drop(std::fs::remove_dir_all(&self.0));
        }
    }

    #[test]
    fn a2_a_table_more_is_refused_by_name() {
        for (more, refused) in [
            (None, None),
            (Some("data/CCEL"), None),
            (Some("SSDT"), Some("SSDT")),
            (Some("APIC2"), Some("APIC2")),
            (Some("OEM1"), Some("OEM1")),
            (Some("dynamic/SSDT1"), Some("SSDT1")),
        ] {
            let folder = Scratch::new("tables");
            for table in ["APIC", "DSDT", "FACP", "FACS", "data/BERT"] {
                folder.file(table);
            }
            std::fs::create_dir_all(folder.0.join("dynamic")).unwrap();
            if let Some(more) = more {
                folder.file(more);
            }
            let found = tables(&folder.0).err().map(|refusal| refusal.to_string());
            assert_eq!(found.is_some(), refused.is_some(), "{more:?}: {found:?}");
            if let (Some(found), Some(refused)) = (found, refused) {
                assert!(found.ends_with(refused), "{found}");
            }
        }
        assert!(tables(Path::new("/nowhere")).is_err());
    }

    #[test]
    fn a3_a_configuration_file_more_is_refused_by_name() {
        let folder = Scratch::new("files");
        let link = |name: &str| {
            let path = folder.0.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::os::unix::fs::symlink("../by_key/1", path).unwrap();
        };
        assert_eq!(
            configuration_files(Path::new("/nowhere")),
            Ok(()),
            "no device"
        );
        for name in ["bootorder", "etc/e820", "etc/acpi/tables"] {
            link(name);
        }
        assert_eq!(configuration_files(&folder.0), Ok(()));
        link("opt/credential");
        let refusal = configuration_files(&folder.0).unwrap_err().to_string();
        assert!(refusal.ends_with("found opt/credential"), "{refusal}");
        std::fs::remove_dir_all(folder.0.join("opt")).unwrap();
        std::fs::create_dir_all(folder.0.join("etc/a/b/c")).unwrap();
        let refusal = configuration_files(&folder.0).unwrap_err().to_string();
        assert!(refusal.ends_with("found etc/a/b"), "{refusal}");
    }
}
