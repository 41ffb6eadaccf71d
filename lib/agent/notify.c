// SPDX-License-Identifier: Apache-2.0
/*
 * By libsystemd. A watchdog (WatchdogSec=) gets a sign of life as often as sd_watchdog_enabled(3)
 * asks for: twice in its time. That time is asked for once, as the environment does not change.
 */
#include "agent/notify.h"

#include <stdbool.h>
#include <systemd/sd-daemon.h>

#include "base/clock.h"

void notify_ready(unsigned n_outputs)
{
	sd_notifyf(0, "READY=1\nSTATUS=exporting to %u output%s", n_outputs,
		   n_outputs == 1 ? "" : "s");
}

void notify_reloading(void)
{
	sd_notify(0, "RELOADING=1\nSTATUS=reading the configuration again");
}

void notify_stopping(void)
{
	sd_notify(0, "STOPPING=1\nSTATUS=exporting what is held");
}

void notify_alive(uint64_t now_ns)
{
	static uint64_t period_ns, next_ns;
	static bool asked;
	uint64_t usec;

	if (!asked) {
		asked = true;
		if (sd_watchdog_enabled(0, &usec) > 0)
			period_ns = usec * NSEC_PER_USEC / 2;
	}
	if (!period_ns || now_ns < next_ns)
		return;
	next_ns = now_ns + period_ns;
	sd_notify(0, "WATCHDOG=1");
}
