//! The API in containers: sized for the hour's peak, because nothing scales within a second.

use crate::{
    price::{BALANCER, BALANCER_UNIT, CONTAINER_CPU, CONTAINER_MEMORY, HOURS_PER_MONTH},
    traffic::Moment,
    workload::Workload,
};

/// Two tasks at least, each of a quarter of a vCPU, so that one may die.
const LEAST_CPU: f64 = 0.5;
/// A ping with HTTP and the SDK. The SDK alone was measured at 120-190 µs.
const PING_CPU_S: f64 = 250e-6;
/// Fargate's ratio for small tasks.
const GB_PER_CPU: f64 = 2.0;
/// A cron job opens a connection for each ping, and a capacity unit is 25 new ones a second.
const PINGS_PER_BALANCER_UNIT: f64 = 25.0;

/// vCPUs that carry the hour's peak, in quarters.
pub(crate) fn cpus(workload: Workload) -> f64 {
    ((workload.peak(Moment::Hour) * PING_CPU_S * 4.0).ceil() / 4.0).max(LEAST_CPU)
}

/// Tasks and load balancer in a month, in dollars.
pub(crate) fn cost(workload: Workload) -> f64 {
    let cpus = cpus(workload);
    let units = workload.pings_per_second() / PINGS_PER_BALANCER_UNIT;
    CONTAINER_CPU.of(cpus * HOURS_PER_MONTH)
        + CONTAINER_MEMORY.of(cpus * GB_PER_CPU * HOURS_PER_MONTH)
        + BALANCER.of(HOURS_PER_MONTH)
        + BALANCER_UNIT.of(units * HOURS_PER_MONTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_is_two_small_tasks_and_more_comes_with_the_peak() {
        let of = |monitors| cpus(Workload { monitors, interval_s: 60 });
        assert!((of(10) - 0.5).abs() < 1e-9);
        // 16,667 pings/s × 20 × 250 µs.
        assert!((of(1_000_000) - 83.5).abs() < 1e-9);
    }
}
