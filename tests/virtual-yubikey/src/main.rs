//! Plugs virtual YubiKeys in, for a person to try things with.
#![forbid(unsafe_code)]

use std::error::Error;
use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use virtual_yubikey::{Authority, Card, Firmware, Profile, Reader, Rig, Touch};

/// Plugs virtual YubiKeys into a private pcscd, for as long as it has input
///
/// It prints the variable that makes other programs see them. PIN 123456, PUK 12345678, the management key of the
/// factory. Each line of input is one of: touch, remove, insert, log, each with the serial number of a card.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The serial number of a card; may be repeated
    #[arg(long, default_value = "12345678")]
    serial: Vec<u32>,
    /// The firmware of the card with the serial number at the same place, else like the last one
    #[arg(long, default_value = "5.7.4")]
    firmware: Vec<Firmware>,
    /// Touch the cards by themselves so many seconds after they begin to wait
    #[arg(long, value_name = "SECONDS")]
    touch_after: Option<u64>,
    /// Two more certificates between the root and the cards, as YubiKeys have since firmware 5.7.4
    #[arg(long)]
    intermediates: bool,
    /// Write the certificate of the root here, as PEM, and those of the intermediates behind it
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
}

fn main() -> ExitCode {
    let Err(error) = run(&Arguments::parse()) else { return ExitCode::SUCCESS };
    let mut said = format!("error: {error}\n");
    let mut cause = error.source();
    while let Some(error) = cause {
        said += &format!("caused by: {error}\n");
        cause = error.source();
    }
    // Who does not listen is not told.
    let _ = std::io::stderr().write_all(said.as_bytes());
    ExitCode::FAILURE
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let mut authority = Authority::test();
    if arguments.intermediates {
        authority = authority.with_intermediates();
    }
    if let Some(path) = &arguments.root {
        std::fs::write(path, authority.root_pem() + &authority.intermediates_pem())?;
    }
    let rig = Rig::with_readers(arguments.serial.len())?;
    let touch = arguments.touch_after.map_or(Touch::WhenPressed, |seconds| Touch::After(Duration::from_secs(seconds)));
    let mut plugged = Vec::new();
    for (place, serial) in arguments.serial.iter().enumerate() {
        let firmware = arguments.firmware.get(place).or(arguments.firmware.last());
        let card = Card::new(Profile::new(*firmware.unwrap_or(&Firmware::V5_7_4)).serial(*serial), &authority);
        card.touch(touch);
        let reader = rig.insert(&card)?;
        plugged.push((card, Some(reader)));
    }
    let mut out = std::io::stdout();
    let (name, socket) = rig.environment();
    writeln!(out, "export {name}={}", socket.display())?;
    for (card, reader) in &plugged {
        writeln!(out, "# {} in {}", card.serial(), reader.map_or("", |reader| rig.name(reader)))?;
    }
    for line in std::io::stdin().lock().lines() {
        if let Err(error) = obey(&line?, &rig, &mut plugged) {
            writeln!(out, "# {error}")?;
        }
    }
    Ok(())
}

fn obey(line: &str, rig: &Rig, plugged: &mut [(Card, Option<Reader>)]) -> Result<(), Box<dyn Error>> {
    let Some((command, serial)) = line.trim().split_once(' ') else { return Err("what, and which card?".into()) };
    let serial: u32 = serial.trim().parse()?;
    let wanted = plugged.iter_mut().find(|(card, _)| card.serial() == serial);
    let (card, reader) = wanted.ok_or("there is no such card")?;
    match command {
        "touch" => card.press(),
        "remove" => rig.remove(reader.take().ok_or("it is not plugged in")?)?,
        "insert" => *reader = Some(rig.insert(card)?),
        "log" => {
            for apdu in card.log() {
                writeln!(std::io::stdout(), "# {apdu}")?;
            }
        }
        _ => return Err("touch, remove, insert or log?".into()),
    }
    Ok(())
}
