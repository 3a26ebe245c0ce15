//! AWS list prices, as data: each with its unit, what is free of it each month, and who says so.
//!
//! All are for us-east-1 in US dollars, without tax. AWS's price pages fill in their numbers by script, so a stored copy
//! often has the rules and not the figure: a price is marked by the best evidence that could be read.

/// Hours in AWS's month.
pub(crate) const HOURS_PER_MONTH: f64 = 730.0;

/// How good the evidence for a price is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// Read on a page of AWS.
    Aws,
    /// Read elsewhere, quoting AWS.
    Quoted,
    /// From memory: nobody looked it up.
    Unverified,
}

/// A price.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Price {
    /// What is sold.
    pub(crate) what: &'static str,
    /// Dollars for `per` units.
    pub(crate) dollars: f64,
    /// How many units that is.
    pub(crate) per: f64,
    /// The unit, for people.
    pub(crate) unit: &'static str,
    /// Units that are free each month, always; of what one account uses.
    pub(crate) free: f64,
    /// How good the evidence is.
    pub(crate) evidence: Evidence,
    /// Where it was read.
    pub(crate) source: &'static str,
    /// The date of the page, as far as it tells.
    pub(crate) dated: &'static str,
}

impl Price {
    /// What `units` of it cost in a month.
    pub(crate) fn of(&self, units: f64) -> f64 {
        (units - self.free).max(0.0) * self.each()
    }

    /// What one unit costs beyond what is free.
    pub(crate) fn each(&self) -> f64 {
        self.dollars / self.per
    }
}

/// What a one-year reservation leaves of the provisioned price: AWS says "up to 54 %" off.
pub(crate) const RESERVED_SHARE: f64 = 0.46;

pub(crate) const WRITE: Price = Price {
    what: "DynamoDB write, on demand",
    dollars: 0.625,
    per: 1e6,
    unit: "million write units",
    free: 0.0,
    evidence: Evidence::Quoted,
    source: "https://airbyte.com/data-engineering-resources/dynamodb-pricing",
    dated: "2025-07",
};
pub(crate) const READ: Price =
    Price { what: "DynamoDB read, on demand", dollars: 0.125, unit: "million read units", ..WRITE };
pub(crate) const WRITE_CAPACITY: Price = Price {
    what: "DynamoDB write, provisioned",
    dollars: 0.000_65,
    per: 1.0,
    unit: "WCU-hour",
    free: 25.0 * HOURS_PER_MONTH,
    evidence: Evidence::Aws,
    source: "https://aws.amazon.com/dynamodb/pricing/",
    dated: "undated: \"from $0.47 per write capacity unit-month\"",
};
pub(crate) const READ_CAPACITY: Price = Price {
    what: "DynamoDB read, provisioned",
    dollars: 0.000_13,
    unit: "RCU-hour",
    dated: "undated: \"from $0.09 per read capacity unit-month\"",
    ..WRITE_CAPACITY
};
pub(crate) const STORAGE: Price = Price {
    what: "DynamoDB storage",
    dollars: 0.25,
    per: 1.0,
    unit: "GB-month",
    free: 25.0,
    evidence: Evidence::Aws,
    source: "https://aws.amazon.com/dynamodb/pricing/",
    dated: "undated",
};
pub(crate) const RECOVERY: Price = Price {
    what: "DynamoDB point-in-time recovery",
    dollars: 0.20,
    free: 0.0,
    evidence: Evidence::Quoted,
    source: "https://finops.com.py/services/dynamodb/backups",
    ..STORAGE
};
pub(crate) const LAMBDA_REQUEST: Price = Price {
    what: "Lambda request",
    dollars: 0.20,
    per: 1e6,
    unit: "million",
    free: 1e6,
    evidence: Evidence::Quoted,
    source: "https://raw.githubusercontent.com/api-evangelist/aws-lambda/refs/heads/main/plans/aws-lambda-plans-pricing.yml",
    dated: "2026-09-20",
};
pub(crate) const LAMBDA_TIME: Price = Price {
    what: "Lambda time, arm64",
    dollars: 0.000_013_333_4,
    per: 1.0,
    unit: "GB-second",
    free: 400_000.0,
    evidence: Evidence::Quoted,
    source: "https://cloudchipr.com/blog/aws-lambda-pricing",
    dated: "2024",
};
pub(crate) const SCHEDULE: Price = Price {
    what: "EventBridge Scheduler",
    dollars: 1.0,
    per: 1e6,
    unit: "million invocations",
    free: 14e6,
    evidence: Evidence::Quoted,
    source: "https://cloudburn.io/blog/amazon-eventbridge-pricing",
    dated: "2026-03",
};
pub(crate) const LOGS: Price = Price {
    what: "CloudWatch logs, taken in",
    dollars: 0.50,
    per: 1.0,
    unit: "GB",
    free: 5.0,
    evidence: Evidence::Quoted,
    source: "https://www.factualminds.com/blog/amazon-cloudwatch-pricing-metrics-logs-alarms-dashboards/",
    dated: "2026-06; the free 5 GB from a bill of 2021",
};
pub(crate) const METRIC: Price = Price {
    what: "CloudWatch metric of our own",
    dollars: 0.30,
    unit: "metric-month",
    free: 10.0,
    source: "https://signoz.io/guides/cloudwatch-pricing",
    dated: "2026-02",
    ..LOGS
};
pub(crate) const ALARM: Price = Price {
    what: "CloudWatch alarm",
    dollars: 0.10,
    unit: "alarm-month",
    free: 10.0,
    evidence: Evidence::Unverified,
    source: "https://aws.amazon.com/cloudwatch/pricing/",
    dated: "not read",
    ..LOGS
};
pub(crate) const TRANSFER: Price = Price {
    what: "Data out to the Internet",
    dollars: 0.09,
    per: 1.0,
    unit: "GB",
    free: 100.0,
    evidence: Evidence::Quoted,
    source: "https://wring.co/blog/aws-data-transfer-pricing-guide",
    dated: "2026",
};
pub(crate) const PARAMETER: Price = Price {
    what: "SSM standard parameter",
    dollars: 0.0,
    unit: "parameter-month",
    free: 0.0,
    source: "https://think-with-tech.blogspot.com/2025/10/aws-systems-manager-parameter-store-ssm_94.html",
    dated: "2025-10",
    ..TRANSFER
};
pub(crate) const DECRYPTION: Price = Price {
    what: "KMS request (SecureString; AWS's own key is free)",
    dollars: 0.03,
    per: 1e4,
    unit: "10,000",
    free: 20_000.0,
    source: "https://www.wring.co/blog/aws-kms-pricing-guide",
    dated: "2026; the free 20,000 from https://aws.amazon.com/kms/pricing/",
    ..TRANSFER
};
pub(crate) const CONTAINER_CPU: Price = Price {
    what: "Fargate vCPU, arm64",
    dollars: 0.032_38,
    per: 1.0,
    unit: "vCPU-hour",
    free: 0.0,
    evidence: Evidence::Quoted,
    source: "https://www.vantage.sh/blog/fargate-pricing",
    dated: "undated",
};
pub(crate) const CONTAINER_MEMORY: Price =
    Price { what: "Fargate memory, arm64", dollars: 0.003_56, unit: "GB-hour", ..CONTAINER_CPU };
pub(crate) const BALANCER: Price = Price {
    what: "Application Load Balancer",
    dollars: 0.022_5,
    unit: "hour",
    evidence: Evidence::Unverified,
    source: "https://aws.amazon.com/elasticloadbalancing/pricing/",
    dated: "not read",
    ..CONTAINER_CPU
};
pub(crate) const BALANCER_UNIT: Price =
    Price { what: "Load balancer capacity (25 new connections/s)", dollars: 0.008, unit: "LCU-hour", ..BALANCER };

/// All, in the order of the document.
pub(crate) const ALL: [Price; 19] = [
    WRITE,
    READ,
    WRITE_CAPACITY,
    READ_CAPACITY,
    STORAGE,
    RECOVERY,
    LAMBDA_REQUEST,
    LAMBDA_TIME,
    SCHEDULE,
    LOGS,
    METRIC,
    ALARM,
    TRANSFER,
    PARAMETER,
    DECRYPTION,
    CONTAINER_CPU,
    CONTAINER_MEMORY,
    BALANCER,
    BALANCER_UNIT,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_free_is_free_and_the_next_unit_is_not() {
        for price in ALL {
            assert!(price.of(price.free).abs() < 1e-12, "{}", price.what);
            assert!(price.of(price.free / 2.0).abs() < 1e-12, "{}", price.what);
            let next = price.of(price.free + price.per);
            assert!((next - price.dollars).abs() < 1e-9, "{}: {next}", price.what);
        }
    }

    #[test]
    fn a_capacity_month_costs_what_aws_says_in_months() {
        assert!((WRITE_CAPACITY.each() * HOURS_PER_MONTH - 0.47).abs() < 0.005);
        assert!((READ_CAPACITY.each() * HOURS_PER_MONTH - 0.09).abs() < 0.005);
    }
}
