use super::*;

/// Whether a policy lets a connection through, to or from anywhere.
fn lets(policy: &Value, direction: &str, protocol: &str, port: u64) -> bool {
    policy["spec"][direction].as_array().unwrap().iter().any(|rule| {
        assert!(rule.get("to").is_none() && rule.get("from").is_none(), "peers cannot be named: {rule}");
        rule["ports"].as_array().unwrap().iter().any(|allowed| {
            let first = allowed["port"].as_u64().unwrap();
            allowed["protocol"] == protocol && (first..=allowed["endPort"].as_u64().unwrap_or(first)).contains(&port)
        })
    })
}

fn policies(case: &Case) -> [Value; 2] {
    let children = case.build();
    ["stock-worker", "stock-dashboard"].map(|name| find(&children, &format!("NetworkPolicy/{name}")).clone())
}

#[test]
fn probes_and_prometheus_reach_the_workers_port_and_nothing_reaches_another() {
    let [workers, _] = policies(&Case::of("production"));
    assert!(lets(&workers, "ingress", "TCP", 8081));
    assert!(!lets(&workers, "ingress", "TCP", 8080) && !lets(&workers, "ingress", "UDP", 8081));
}

#[test]
fn readers_and_probes_reach_the_page() {
    let [_, dashboard] = policies(&Case::of("production"));
    assert!(lets(&dashboard, "ingress", "TCP", 8080) && !lets(&dashboard, "ingress", "TCP", 8081));
}

#[test]
fn both_reach_the_name_service() {
    for policy in policies(&Case::of("minimal")) {
        for (protocol, port) in [("UDP", 53), ("TCP", 53), ("UDP", 5353), ("TCP", 5353)] {
            assert!(lets(&policy, "egress", protocol, port), "{protocol} {port}");
        }
    }
}

#[test]
fn workers_reach_kafka_at_the_bootstrap_servers_and_at_whatever_else_brokers_advertise() {
    let mut case = Case::of("minimal");
    case.pipeline.spec.kafka.bootstrap_servers = vec!["kafka.example.com:443".into(), "kafka:9092".into()];
    let [workers, dashboard] = policies(&case);
    for port in [443, 9092, 19_094, 32_000, 65_535] {
        assert!(lets(&workers, "egress", "TCP", port), "{port}");
    }
    assert!(!lets(&dashboard, "egress", "TCP", 443), "the dashboard asks Kafka nothing");
    case.pipeline.spec.dashboard.kafka = Some(crate::resource::FormsKafka::default());
    let [_, dashboard] = policies(&case);
    assert!(lets(&dashboard, "egress", "TCP", 443), "unless events are entered there");
}

#[test]
fn the_dashboard_reaches_the_provider_that_readers_sign_in_with() {
    let mut case = Case::of("oidc");
    for (issuer, port) in [
        ("https://id.example.com", 443),
        ("https://id.example.com/realms/a:1", 443),
        ("https://id.example.com:444/realms/shop", 444),
        ("https://[fd00::7]", 443),
        ("https://[fd00::7]:444", 444),
    ] {
        case.pipeline.spec.dashboard.auth.oidc.as_mut().unwrap().issuer = issuer.into();
        let [workers, dashboard] = policies(&case);
        assert!(lets(&dashboard, "egress", "TCP", port) && !lets(&dashboard, "egress", "TCP", 887 - port), "{issuer}");
        assert!(!lets(&workers, "egress", "TCP", port), "{issuer}");
    }
}

#[test]
fn both_reach_mongodb_whatever_ports_its_members_have() {
    for policy in policies(&Case::of("production")) {
        for port in [1_024, 10_255, 27_017] {
            assert!(lets(&policy, "egress", "TCP", port), "{port}");
        }
    }
}

#[test]
fn neither_reaches_the_web_mail_a_shell_or_the_credentials_of_a_cloud() {
    for policy in policies(&Case::of("production")) {
        for port in [22, 25, 80, 443, 445] {
            assert!(!lets(&policy, "egress", "TCP", port), "{port}");
        }
        assert_eq!(policy["spec"]["policyTypes"], serde_json::json!(["Ingress", "Egress"]));
    }
}
