//! Bounds of the settings, each with the sentence for who broke it.

use std::{fmt, path::Path};

use super::{
    Deduplicate, Settings, broker,
    error::{Problem, SettingsError},
};
use crate::{Decimal, event::EventKind};

struct Checks(Vec<Problem>);

impl Checks {
    fn require(&mut self, holds: bool, field: &str, value: impl fmt::Display, allowed: impl fmt::Display) {
        if !holds {
            self.0.push(Problem { field: field.into(), value: value.to_string(), allowed: allowed.to_string() });
        }
    }

    fn range<T: PartialOrd + fmt::Display + Copy>(&mut self, field: &str, value: T, min: T, max: T) {
        let allowed = format!("it must be from {min} to {max}");
        self.require(value >= min && value <= max, field, value, allowed);
    }
}

impl Settings {
    /// Checks every bound, and reports all that are broken.
    pub fn validate(&self) -> Result<(), SettingsError> {
        let mut checks = Checks(Vec::new());
        self.check_names(&mut checks);
        self.check_security(&mut checks);
        self.check_sales(&mut checks);
        self.check_analytics(&mut checks);
        self.check_limits(&mut checks);
        if checks.0.is_empty() { Ok(()) } else { Err(SettingsError::Invalid { problems: checks.0 }) }
    }

    fn check_names(&self, checks: &mut Checks) {
        let name = &self.pipeline.name;
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._/".contains(&b);
        let fits = !name.is_empty() && name.len() <= 253 && name.bytes().all(plain);
        checks.require(
            fits,
            "pipeline.name",
            format!("{name:?}"),
            "use 1 to 253 letters, digits, '-', '.', '_' or '/'",
        );
        for (field, id) in [("pipeline.uid", &self.pipeline.uid), ("pipeline.databaseId", &self.pipeline.database_id)] {
            let fits = |id: &str| (1..=128).contains(&id.len()) && id.bytes().all(plain);
            let Some(id) = id.as_deref().filter(|id| !fits(id)) else { continue };
            checks.require(false, field, format!("{id:?}"), "use 1 to 128 letters, digits, '-', '.', '_' or '/'");
        }
        let kafka = &self.kafka;
        checks.require(
            !kafka.bootstrap_servers.is_empty(),
            "kafka.bootstrapServers",
            "empty",
            "name at least one host:port",
        );
        for server in &kafka.bootstrap_servers {
            if let Some(advice) = broker::advice(server) {
                checks.require(false, "kafka.bootstrapServers", format!("{:?}", broker::shown(server)), advice);
            }
        }
        if let Some(group) = &kafka.group_id {
            checks.require(
                (1..=249).contains(&group.len()),
                "kafka.groupId",
                format!("{group:?}"),
                "use 1 to 249 characters",
            );
        }
        for stream in EventKind::ALL {
            let topic = kafka.topics.of(stream);
            let legal = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
            let fits = (1..=249).contains(&topic.name.len())
                && topic.name.bytes().all(legal)
                && !matches!(topic.name.as_str(), "." | "..");
            let field = format!("kafka.topics.{stream}");
            checks.require(
                fits,
                &format!("{field}.name"),
                format!("{:?}", topic.name),
                "use 1 to 249 letters, digits, '-', '.' or '_'",
            );
            checks.range(&format!("{field}.partitions"), topic.partitions.unwrap_or(1), 1, 10_000);
            checks.range(&format!("{field}.replicationFactor"), topic.replication_factor.unwrap_or(1), 1, 100);
            let twin =
                EventKind::ALL.into_iter().find(|other| *other < stream && kafka.topics.of(*other).name == topic.name);
            if let Some(twin) = twin {
                checks.require(
                    false,
                    &format!("{field}.name"),
                    format!("{:?}", topic.name),
                    format!("it is the topic of {twin} already; give each stream its own"),
                );
            }
        }
    }

    fn check_security(&self, checks: &mut Checks) {
        let security = &self.kafka.security;
        let protocol = security.protocol.name();
        if security.protocol.has_sasl() {
            match &security.sasl {
                None => checks.require(
                    false,
                    "kafka.security.sasl",
                    "missing",
                    format!("{protocol} needs a mechanism, a user and a password"),
                ),
                Some(sasl) => {
                    let user = sasl.username.is_some() || sasl.username_file.is_some();
                    let password = sasl.password.is_some() || sasl.password_file.is_some();
                    checks.require(user, "kafka.security.sasl.username", "missing", "give username or usernameFile");
                    checks.require(
                        password,
                        "kafka.security.sasl.password",
                        "missing",
                        "give password or passwordFile",
                    );
                }
            }
        } else {
            checks.require(
                security.sasl.is_none(),
                "kafka.security.sasl",
                "set",
                format!("protocol {protocol} does not sign in; use SASL_SSL, or leave sasl out"),
            );
        }
        if let Some(tls) = &security.tls {
            checks.require(
                security.protocol.has_tls(),
                "kafka.security.tls",
                "set",
                format!("protocol {protocol} does not encrypt; use SSL or SASL_SSL, or leave tls out"),
            );
            checks.require(
                tls.cert_file.is_some() == tls.key_file.is_some(),
                "kafka.security.tls",
                "half set",
                "give certFile and keyFile together",
            );
        }
        if let Some(tls) = &self.mongodb.tls {
            checks.require(
                tls.cert_file.is_some() == tls.key_file.is_some(),
                "mongodb.tls",
                "half set",
                "give certFile and keyFile together",
            );
        }
        let secrets = security.sasl.iter().flat_map(|sasl| [&sasl.username_file, &sasl.password_file]);
        let certificates = security.tls.iter().flat_map(|tls| [&tls.ca_file, &tls.cert_file, &tls.key_file]);
        let mongodb_tls = self.mongodb.tls.iter().flat_map(|tls| [&tls.ca_file, &tls.cert_file, &tls.key_file]);
        let mongodb = [&self.mongodb.uri_file].into_iter().chain(mongodb_tls);
        for file in secrets.chain(certificates).chain(mongodb).flatten() {
            checks.require(file != Path::new(""), "a file", "empty", "give its path or leave it out");
        }
    }

    fn check_sales(&self, checks: &mut Checks) {
        let tolerance = self.sales.future_tolerance;
        let fits = tolerance.millis() <= 36_500 * 86_400_000;
        checks.require(fits, "sales.futureTolerance", tolerance, "it must be from 0 to 36500d");
        if let Some(Deduplicate { within }) = self.sales.deduplicate {
            let fits = (1_000..=366 * 86_400_000).contains(&within.millis());
            checks.require(fits, "sales.deduplicate.within", within, "it must be from 1s to 366d");
        }
    }

    fn check_analytics(&self, checks: &mut Checks) {
        let analytics = &self.analytics;
        let (winners, risk, tiers) = (&analytics.product_winners, &analytics.loss_risk, &analytics.clients);
        checks.range("analytics.historyDays", analytics.history_days, 1, 366);
        checks.range("analytics.productWinners.limit", winners.limit, 1, 1_000);
        checks.range("analytics.productWinners.deadAfterDays", winners.dead_after_days, 1, 36_500);
        let weights = [
            ("profit", winners.weights.profit),
            ("velocity", winners.weights.velocity),
            ("idleDays", winners.weights.idle_days),
        ];
        for (name, weight) in weights {
            checks.range(
                &format!("analytics.productWinners.weights.{name}"),
                weight,
                Decimal::ZERO,
                Decimal::from_whole(1_000_000),
            );
        }
        checks.range("analytics.lossRisk.expiringWithinDays", risk.expiring_within_days, 0, 36_500);
        checks.range("analytics.lossRisk.idleDays", risk.idle_days, 1, 36_500);
        for (name, amount) in [("silver", tiers.silver), ("gold", tiers.gold), ("promo", tiers.promo)] {
            checks.range(
                &format!("analytics.clients.{name}"),
                amount,
                Decimal::ZERO,
                Decimal::from_whole(1_000_000_000_000),
            );
        }
        let ordered = tiers.silver <= tiers.gold;
        checks.require(
            ordered,
            "analytics.clients.silver",
            tiers.silver,
            format!("it must not be above gold ({})", tiers.gold),
        );
        let every = analytics.reevaluate_every;
        checks.require(
            every.millis() == 0 || every.millis() >= 1_000,
            "analytics.reevaluateEvery",
            every,
            "it must be 0 (strictly by event) or at least 1s",
        );
    }

    fn check_limits(&self, checks: &mut Checks) {
        let limits = &self.limits;
        checks.range("limits.batchKeys", limits.batch_keys, 1, 10_000_000);
        checks.range("limits.batchBytes", limits.batch_bytes, 1 << 10, 16 << 30);
        checks.range("limits.foldingThreads", limits.folding_threads, 1, 64);
        checks.range("limits.writeConnections", limits.write_connections, 1, 64);
        checks.range("limits.updatesPerCommand", limits.updates_per_command, 1, 25_000);
        for (name, span, min, max) in [
            ("flushEvery", limits.flush_every, 0, 60_000),
            ("publishEvery", limits.publish_every, 1, 3_600_000),
            ("heartbeatEvery", limits.heartbeat_every, 100, 60_000),
            ("commitEvery", limits.commit_every, 10, 3_600_000),
            ("sessionTimeout", limits.session_timeout, 1_000, 1_800_000),
            ("keepRejected", limits.keep_rejected, 60_000, 3_650 * 86_400_000),
        ] {
            let allowed = format!(
                "it must be from {} to {}",
                super::HumanDuration::from_millis(min),
                super::HumanDuration::from_millis(max)
            );
            checks.require((min..=max).contains(&span.millis()), &format!("limits.{name}"), span, allowed);
        }
    }
}
