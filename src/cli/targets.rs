//! From the scenario's `[target]` to the three faces of the service; starts the simulator where it is asked for.

use std::path::Path;
use std::sync::Arc;

use crate::engine::Targets;
use crate::protocol::dialect::{Dialect, TINODE};
use crate::scenario::{Endpoint, MetricsUrl, Scenario, TargetUrl, TokenFlow};
use crate::simulator::faults::{FaultPlan, FaultPlanError};
use crate::simulator::{Simulator, SimulatorConfig, SimulatorHandle};
use crate::transport::{ApiKey, Dialer, FileClient, PageClient, RestClient, SourceAddresses, client_config};

/// The service, and the simulator if it is ours.
pub(super) struct Service {
    pub(super) targets: Targets,
    pub(super) simulator: Option<SimulatorHandle>,
}

/// Reads a file of faults.
pub(super) fn faults(path: Option<&Path>) -> Result<FaultPlan, FaultPlanError> {
    path.map_or_else(|| Ok(FaultPlan::default()), FaultPlan::load)
}

/// Makes the service ready to be used.
pub(super) fn open(scenario: &Scenario, faults: FaultPlan) -> anyhow::Result<Service> {
    let target = &scenario.target;
    let mut simulator = None;
    let service = match &target.url {
        TargetUrl::Service(endpoint) => endpoint.clone(),
        TargetUrl::Embedded => {
            let api_key = target.api_key.as_ref().map(|key| key.reveal().to_owned());
            let handle = Simulator::start(SimulatorConfig { faults, ..simulator_of(target.dialect, api_key) })?;
            let address = handle.address();
            simulator = Some(handle);
            Endpoint { is_tls: false, host: address.ip().to_string(), port: address.port(), path: String::new() }
        }
    };
    let file_url = target.file_url.clone().unwrap_or_else(|| without_path(&service));
    let rest_url = target.rest_url.clone().unwrap_or_else(|| without_path(&service));
    let watched = target.watched.metrics.iter().filter_map(|source| match &source.url {
        MetricsUrl::Endpoint(endpoint) => Some(endpoint),
        MetricsUrl::Path(_) => None,
    });
    let needs_tls = [&service, &file_url, &rest_url].into_iter().chain(watched).any(|endpoint| endpoint.is_tls);
    let tls = if needs_tls { Some(client_config(&target.tls).map_err(anyhow::Error::msg)?) } else { None };
    let sources = Arc::new(SourceAddresses::new(target.source_addresses.clone()));
    let server_name = target.tls.server_name.as_deref();
    let dialect = target.dialect;
    let key = dialect.api_key_header.zip(target.api_key.clone()).map(|(header, value)| ApiKey { header, value });
    let dialer = |endpoint: &Endpoint| {
        Dialer::network(endpoint.clone(), Arc::clone(&sources), tls.clone(), server_name)
            .map(|dialer| dialer.with_key(key.clone()))
    };
    let (upload, download) = match file_url.path.trim_end_matches('/') {
        "" => (dialect.upload_path.to_owned(), dialect.download_prefix.to_owned()),
        // A dialect that ends its path with a slash wants it there.
        path if dialect.upload_path.ends_with('/') => (format!("{path}/"), format!("{path}/")),
        path => (path.to_owned(), format!("{path}/")),
    };
    let files = FileClient::new(dialer(&file_url)?, upload, download);
    let rest = match (scenario.auth.flow, dialect.rest_path) {
        (TokenFlow::Token | TokenFlow::Password, _) | (_, None) => None,
        (flow, Some(path)) => {
            let rest = RestClient::new(&rest_url, path, flow, target.timeout, tls.clone());
            Some(rest.map_err(anyhow::Error::msg)?)
        }
    };
    let mut pages = Vec::new();
    for source in &target.watched.metrics {
        pages.push(match &source.url {
            MetricsUrl::Path(path) => PageClient::new(dialer(&without_path(&service))?, path.clone()),
            MetricsUrl::Endpoint(endpoint) => {
                let dialer = Dialer::network(endpoint.clone(), Arc::default(), tls.clone(), None)?;
                PageClient::new(dialer, endpoint.path.clone())
            }
        });
    }
    Ok(Service { targets: Targets { service: dialer(&service)?, files, rest, pages }, simulator })
}

/// The simulator's settings for a dialect; with an API key it wants that one.
pub(super) fn simulator_of(dialect: &Dialect, api_key: Option<String>) -> SimulatorConfig {
    if dialect.name == TINODE.name { SimulatorConfig::tinode(api_key) } else { SimulatorConfig::default() }
}

fn without_path(endpoint: &Endpoint) -> Endpoint {
    Endpoint { path: String::new(), ..endpoint.clone() }
}
