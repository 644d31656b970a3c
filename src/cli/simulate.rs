//! `simulate`: the embedded PBX as a server of its own, until Ctrl-C.

use std::net::Ipv4Addr;

use super::args::SimulateArgs;
use super::{Exit, signals, targets, terminal};
use crate::engine::{Stop, raise_descriptor_limit};
use crate::protocol::Dialect;
use crate::simulator::{Encryption, Simulator, SimulatorConfig};

pub(super) fn execute(args: &SimulateArgs) -> anyhow::Result<Exit> {
    let faults = match targets::faults(args.faults.as_deref()) {
        Ok(faults) => faults,
        Err(error) => {
            tell!("error: {:#}", anyhow::Error::from(error));
            return Ok(Exit::BadInput);
        }
    };
    let Some(dialect) = Dialect::by_name(&args.dialect) else {
        anyhow::bail!("there is no dialect `{}`", args.dialect);
    };
    if args.api_key.is_some() && dialect.api_key_header.is_none() {
        tell!("error: a {} has no API keys; drop `--api-key`, or add `--dialect tinode`", dialect.server);
        return Ok(Exit::BadInput);
    }
    raise_descriptor_limit();
    let mut stop = signals::listen("closing all sessions")?;
    let encryption = if args.tls { Encryption::SelfSigned } else { Encryption::Plain };
    let listen = args.listen.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, dialect.port).into());
    let key = args.api_key.clone().unwrap_or_else(|| SimulatorConfig::DEMO_API_KEY.to_owned());
    let usual = targets::simulator_of(dialect, Some(key));
    let upload_bytes_max = args.upload_max.and_then(|size| usize::try_from(size.max).ok());
    let upload_bytes_max = upload_bytes_max.unwrap_or(usual.upload_bytes_max);
    let config = SimulatorConfig { listen, encryption, faults, upload_bytes_max, ..usual };
    let simulator = Simulator::start(config)?;
    let scheme = if args.tls { "wss" } else { "ws" };
    tell!(
        "listening on {scheme}://{}{}; Ctrl-C ends it and prints what it did",
        simulator.address(),
        dialect.websocket_path
    );
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let _ = runtime.block_on(stop.wait_for(|stop| *stop != Stop::No)).map(|stop| *stop);
    let counters = simulator.stop();
    terminal::print(&format!("{:#}\n", serde_json::to_value(&counters)?));
    Ok(Exit::Pass)
}
