//! `cloister-image`: the steps of `image/make` that write bytes of the image. Files are replaced only when their bytes change.
#![forbid(unsafe_code)]

use clap::{Parser, Subcommand};
use cloister_bind::ReleaseId;
use cloister_image::cmdline::{self, Network};
use cloister_image::manifest::{File, Manifest, Toolchain, Weights};
use cloister_image::{cpio, inputs, verity};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Parser)]
#[command(about = "Writes the parts of the image that are Cloister's own")]
struct Arguments {
    #[command(subcommand)]
    step: Step,
}

#[derive(Subcommand)]
enum Step {
    /// Write an initramfs with one static program as /init
    Cpio {
        /// The program
        #[arg(long)]
        init: PathBuf,
        /// The archive to write
        #[arg(long)]
        out: PathBuf,
    },
    /// Append the dm-verity tree to a volume and print "ROOT-HASH:DATA-BLOCKS"
    Verity {
        /// The volume (erofs), a whole number of 4096-byte blocks
        #[arg(long)]
        data: PathBuf,
        /// Volume and tree in one file
        #[arg(long)]
        out: PathBuf,
    },
    /// Write the kernel command line, without a newline
    Cmdline {
        /// Release id
        #[arg(long, value_parser = release_id)]
        release: ReleaseId,
        /// The guest's address and prefix length
        #[arg(long)]
        net: Network,
        /// What `verity` printed
        #[arg(long, value_parser = weights)]
        weights: (verity::Hash, usize),
        /// The file to write
        #[arg(long)]
        out: PathBuf,
    },
    /// Write manifest.json over the files of a finished image
    Manifest {
        /// Release id
        #[arg(long, value_parser = release_id)]
        release: ReleaseId,
        /// What `verity` printed
        #[arg(long, value_parser = weights)]
        weights: (verity::Hash, usize),
        /// The file with the command line
        #[arg(long)]
        cmdline: PathBuf,
        /// image/inputs.lock
        #[arg(long)]
        inputs: PathBuf,
        /// What `rustc --version` says
        #[arg(long)]
        rustc: String,
        /// SHA-256 over the list of the Rust toolchain's files
        #[arg(long)]
        rustc_files_sha256: String,
        /// The file to write
        #[arg(long)]
        out: PathBuf,
        /// The files of the image
        files: Vec<PathBuf>,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().step) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cloister-image: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(step: Step) -> Result<(), Box<dyn Error>> {
    match step {
        Step::Cpio { init, out } => write(&out, &cpio::initramfs(&read(&init)?)?),
        Step::Verity { data, out } => {
            let mut volume = read(&data)?;
            let tree = verity::tree(&volume)?;
            volume.extend_from_slice(&tree.bytes);
            write(&out, &volume)?;
            println!("{}:{}", cmdline::hex(&tree.root), tree.data_blocks);
            Ok(())
        }
        Step::Cmdline {
            release,
            net,
            weights: (root, data_blocks),
            out,
        } => write(
            &out,
            cmdline::line(&release, net, &root, data_blocks).as_bytes(),
        ),
        Step::Manifest {
            release,
            weights: (root, data_blocks),
            cmdline,
            inputs,
            rustc,
            rustc_files_sha256,
            out,
            files,
        } => {
            let lock = inputs::parse(&String::from_utf8(read(&inputs)?)?)?;
            let mut listed = BTreeMap::new();
            for path in files {
                let name = path.file_name().ok_or("a file of the image has no name")?;
                listed.insert(name.to_string_lossy().into_owned(), File::of(&read(&path)?));
            }
            let manifest = Manifest {
                release: release.to_string(),
                cmdline: String::from_utf8(read(&cmdline)?)?,
                weights: Weights {
                    root_hash: cmdline::hex(&root),
                    data_blocks,
                },
                files: listed,
                inputs: lock.packages.into_iter().map(Into::into).collect(),
                toolchain: Toolchain {
                    rustc,
                    rustc_files_sha256,
                    packages: lock.tools.into_iter().map(Into::into).collect(),
                },
            };
            let mut text = serde_json::to_string_pretty(&manifest)?;
            text.push('\n');
            write(&out, text.as_bytes())
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Replaces `path` in one step, and not at all when it has these bytes already: whatever depends on it then stays fresh.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    if std::fs::read(path).is_ok_and(|found| found == bytes) {
        return Ok(());
    }
    let unfinished = path.with_extension("unfinished");
    std::fs::write(&unfinished, bytes)
        .and_then(|()| std::fs::rename(&unfinished, path))
        .map_err(|error| format!("{}: {error}", path.display()).into())
}

fn release_id(text: &str) -> Result<ReleaseId, String> {
    ReleaseId::parse(text).map_err(|error| error.to_string())
}

fn weights(text: &str) -> Result<(verity::Hash, usize), String> {
    let parse = || {
        let (root, blocks) = text.split_once(':')?;
        let digits: Vec<u8> = root
            .chars()
            .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
            .collect::<Option<_>>()?;
        let bytes: Vec<u8> = digits
            .chunks(2)
            .map(|pair| pair.iter().fold(0u8, |sum, digit| sum << 4 | digit))
            .collect();
        let blocks = blocks.parse().ok().filter(|blocks| *blocks > 0)?;
        (digits.len() == 64).then_some((verity::Hash::try_from(bytes).ok()?, blocks))
    };
    parse().ok_or_else(|| {
        String::from("expected 64 hexadecimal digits, a colon and the number of data blocks")
    })
}
