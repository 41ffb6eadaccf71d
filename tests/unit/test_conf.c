// SPDX-License-Identifier: Apache-2.0
/* Configurations that load, what they load as, and one row for every way to be wrong. */
#include <errno.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "conf/conf.h"
#include "conf_rows.h"
#include "ipfix/pace.h"
#include "test.h"

TEST(the_example_loads)
{
	struct conf *c = NULL;

	CHECK(conf_load("misc/examples/config.yaml", &c) == 0);
	CHECK(c->n_meters == 1 && c->n_outputs == 4 && c->builtin_templates);
	CHECK(template_set_count(c->templates) == 10);
	conf_free(c);
}

/* The defaults of flowctl.conf(5). */
TEST(every_timer_has_its_default)
{
	struct conf *c = load("outputs: [{log: {file: stdout}}]\n");

	CHECK(c);
	CHECK(c->max_message_len == 1400 && c->template_flush_s == 60 && c->finished_s == 1);
	CHECK(c->active_s == 60 && c->idle_s == 15 && !c->count_all && c->domain == 0);
	CHECK(c->n_outputs == 1 && c->outputs[0].kind == CONF_LOG);
	CHECK_STR(c->outputs[0].file, "stdout");
	CHECK(c->n_meters == 0 && c->builtin_templates);
	conf_free(c);
}

TEST(every_value_arrives)
{
	struct conf *c = load(
		"maxIpfixMessageLen: 1200\n"
		"timerTemplateFlushSeconds: 61\n"
		"timerFinishedDrainSeconds: 2\n"
		"timerForceDrainSeconds: 62\n"
		"idleTimeoutSeconds: 16\n"
		"count: all\n"
		"observationDomainId: 4294967295\n"
		"meters:\n"
		"- {netns: ns0, name: 'eth*', direction: egress, decap: [gre, 'vxlan:8472'], maxFlows: 1000, sample: 5, hook: tcx}\n"
		"- name: lo\n"
		"- {name: eth1, decap: all}\n"
		"- {name: eth2, decap: []}\n"
		"outputs:\n"
		"- collector: {remoteAddress: 127.0.0.1:4739, localAddress: 127.0.0.2:5000, transport: udp}\n"
		"- collector: {remoteAddress: \"[2001:db8::1]:2055\", localAddress: 0.0.0.0:0}\n"
		"- collector: {remoteAddress: collector.example:4739}\n"
		"- log: {file: /var/log/flow.log, format: json, hooks: []}\n"
		"aws: {enabled: auto, refresh: 5m}\n");

	CHECK(c);
	CHECK(c->max_message_len == 1200 && c->template_flush_s == 61 && c->finished_s == 2);
	CHECK(c->active_s == 62 && c->idle_s == 16 && c->count_all && c->domain == 4294967295);
	CHECK(c->n_meters == 4 && c->n_outputs == 4);
	CHECK(c->meters[0].decap_given && c->meters[0].decap.decap == (DECAP_GRE | DECAP_VXLAN));
	CHECK(c->meters[0].decap.vxlan_port == 8472 && c->meters[0].decap.geneve_port == 0);
	CHECK(!c->meters[1].decap_given && c->meters[2].decap.decap == DECAP_ALL);
	CHECK(c->meters[3].decap_given && c->meters[3].decap.decap == 0);
	CHECK_STR(c->meters[0].netns, "ns0");
	CHECK_STR(c->meters[0].name, "eth*");
	CHECK_STR(c->meters[0].hook, "tcx");
	CHECK(c->meters[0].direction == CONF_EGRESS && c->meters[0].max_flows == 1000);
	CHECK(c->meters[0].sample == 5 && c->meters[1].sample == 1 && c->meters[1].max_flows == 0);
	CHECK(!c->meters[1].netns && c->meters[1].direction == CONF_BOTH);
	CHECK_STR(c->meters[1].hook, "auto");
	CHECK_STR(c->outputs[0].remote, "127.0.0.1:4739");
	CHECK_STR(c->outputs[0].local, "127.0.0.2:5000");
	CHECK_STR(c->outputs[1].remote, "[2001:db8::1]:2055");
	CHECK(!c->outputs[1].local && !c->outputs[2].local);
	CHECK(c->outputs[3].kind == CONF_LOG);
	CHECK(c->outputs[0].transport == CONF_UDP && c->outputs[0].version == 10);
	CHECK_STR(c->outputs[0].profile->name, "default");
	CHECK(c->options_s == 60 && !c->biflow && !c->as_file);
	conf_free(c);
}

TEST(every_value_of_whole_ipfix_arrives)
{
	struct conf *c = load(
		"timerOptionsSeconds: 30\n"
		"biflow: true\n"
		"enterpriseNumber: 28972\n"
		"prefixFile: /etc/flowctl/as\n"
		"outputs:\n"
		"- collector:\n"
		"    remoteAddress: 127.0.0.1:4739\n"
		"    transport: tls\n"
		"    version: ipfix\n"
		"    profile: pmacct\n"
		"    group: first\n"
		"    tls: {ca: a.pem, certificate: b.pem, key: c.pem, serverName: d.example}\n"
		"    backlog: {bytes: 100000, file: /var/lib/b, fileBytes: 200000}\n"
		"- collector: {remoteAddress: 127.0.0.1:4739, transport: sctp}\n"
		"- file: /var/lib/flow.ipfix\n"
		"- file: {path: other.ipfix}\n"
		"- log:\n"
		"    file: stdout\n"
		"    format: text\n"
		"    hooks: [{name: h, command: /bin/a b, timeout: 250ms}, {shell: jq .}]\n");
	struct conf_output *o;

	CHECK(c && c->n_outputs == 5);
	CHECK(c->options_s == 30 && c->biflow && c->enterprise == 28972);
	CHECK_STR(c->as_file, "/etc/flowctl/as");
	o = c->outputs;
	CHECK(o[0].transport == CONF_TLS && o[0].version == 10 && o[1].transport == CONF_SCTP);
	CHECK_STR(o[0].profile->name, "pmacct");
	CHECK_STR(o[0].group, "first");
	CHECK_STR(o[0].tls.ca, "a.pem");
	CHECK_STR(o[0].tls.certificate, "b.pem");
	CHECK_STR(o[0].tls.key, "c.pem");
	CHECK_STR(o[0].tls.server_name, "d.example");
	CHECK(o[0].backlog.bytes == 100000 && o[0].backlog.file_bytes == 200000);
	CHECK_STR(o[0].backlog.file, "/var/lib/b");
	CHECK(o[1].backlog.bytes && !o[1].backlog.file && o[2].kind == CONF_FILE);
	CHECK_STR(o[2].file, "/var/lib/flow.ipfix");
	CHECK_STR(o[3].file, "other.ipfix");
	CHECK(o[4].text && o[4].n_hooks == 2);
	CHECK_STR(o[4].hooks[0].command, "/bin/a b");
	CHECK(o[4].hooks[0].timeout_ns == 250000000 && o[4].hooks[1].timeout_ns == 5000000000);
	CHECK_STR(o[4].hooks[1].shell, "jq .");
	CHECK_STR(o[4].hooks[1].name, "jq .");
	conf_free(c);
}

/* The README of the older exporter, and the file it ships. */
TEST(the_older_spellings_load)
{
	struct conf *c = load(
		"collectors:\n"
		"- address: 10.146.0.6:2100\n"
		"- {remoteAddress: 10.0.0.1:2055, localAddress: 10.0.0.2:0}\n"
		"templates:\n"
		"- id: 1024\n"
		"  template:\n"
		"  - FlowEndMilliseconds\n"
		"  - FlowStartMilliseconds\n"
		"  - OctetDeltaCount\n"
		"  - PacketDeltaCount\n"
		"  - IpVersion\n"
		"  - FlowDirection\n"
		"  - SourceIPv4Address\n"
		"  - DestinationIPv4Address\n");

	CHECK(c);
	CHECK(c->n_outputs == 2 && c->outputs[1].kind == CONF_COLLECTOR);
	CHECK_STR(c->outputs[0].remote, "10.146.0.6:2100");
	CHECK_STR(c->outputs[1].local, "10.0.0.2:0");
	CHECK(template_set_count(c->templates) == 1);
	CHECK(template_set_get(c->templates, 0)->id == 1024);
	/* 8+8+8+8+1+1+4+4, the lengths of the IANA registry's types */
	CHECK(template_set_get(c->templates, 0)->record_len == 42);
	conf_free(c);
}

TEST(json_is_read_by_the_same_decoder)
{
	struct conf *c = load("{\n\t\"idleTimeoutSeconds\":20,\n\t\"outputs\":[{\"collector\":"
			      "{\"remoteAddress\":\"[::1]:4739\"}},{\"log\":{\"file\":\"\\/tmp\\/a\\u0062\"}}]\n}\n");

	CHECK(c);
	CHECK(c->idle_s == 20 && c->n_outputs == 2);
	CHECK_STR(c->outputs[0].remote, "[::1]:4739");
	CHECK_STR(c->outputs[1].file, "/tmp/ab");
	conf_free(c);
}

TEST(a_collector_is_paced_as_asked_for_else_as_usual)
{
	struct conf *c = load("outputs:\n"
			      "- collector: {remoteAddress: '10.0.0.1:1'}\n"
			      "- collector: {remoteAddress: '10.0.0.1:2', maxBytesPerSecond: 0}\n"
			      "- collector: {remoteAddress: '10.0.0.1:3', maxBytesPerSecond: 123456789}\n"
			      "collectors: [{address: '10.0.0.1:4'}]\n");

	CHECK(c && c->n_outputs == 4);
	for (size_t i = 0; i < 4; i++) {
		static const uint64_t wanted[] = { PACE_AUTO, 0, 123456789, PACE_AUTO };
		unsigned port = atoi(strchr(c->outputs[i].remote, ':') + 1);

		CHECK(c->outputs[i].max_bytes_per_s == wanted[port - 1]);
	}
	conf_free(c);
}

/* "of a template in use": a log has no use for any. */
TEST(the_longest_message_is_no_matter_without_a_collector)
{
	struct conf *c = load("maxIpfixMessageLen: 100\noutputs: [{log: {file: stdout}}]\n");

	CHECK(c && c->max_message_len == 100);
	conf_free(c);
}

#define OUT "outputs: [{collector: {remoteAddress: 10.0.0.1:4739}}]\n"
#define COLLECTOR(keys_) "outputs: [{collector: {remoteAddress: 10.0.0.1:1, " keys_ "}}]\n"

static const struct conf_fault rows[] = {
	/* the shape of the file */
	{ "", "c.yaml: is empty" },
	{ "# nothing\n", "c.yaml: is empty" },
	{ "just words\n", "c.yaml:1: must be a mapping, not text" },
	{ "- a\n", "c.yaml:1: must be a mapping, not a list" },
	{ "{}\n", "c.yaml:1: outputs: there is none, a collector or a log is needed" },
	{ "outputs: []\n", "c.yaml:1: outputs: there is none, a collector or a log is needed" },
	{ "outputs:\n", "c.yaml:1: outputs: must be a list, not nothing" },
	{ OUT "---\n" OUT, "c.yaml:2: a second document begins" },
	{ "count: once\n" OUT "count: all\n", "c.yaml:3: count: given twice, first in line 1" },
	{ "outputs: &a []\n", "c.yaml:1: anchors ('&') are not accepted" },
	{ "count: &a once\n", "c.yaml:1: anchors ('&') are not accepted" },
	{ OUT "meters: *a\n", "c.yaml:2: aliases ('*') are not accepted" },
	{ OUT "<<: {count: all}\n", "c.yaml:2: merge keys ('<<') are not accepted" },
	{ OUT "count: !!str once\n", "c.yaml:2: tags ('!') are not accepted" },
	{ OUT "meters: !x []\n", "c.yaml:2: tags ('!') are not accepted" },
	{ "[a]: b\n", "c.yaml:1: a key must be text" },
	{ "outputs: [[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]\n", "c.yaml:1: nested too deeply" },
	{ OUT "count: \"a\\0b\"\n", "c.yaml:2: a NUL character in a text" },
	{ OUT "\tcount: all\n",
	  "c.yaml:2: cannot be read as YAML: found character that cannot start any token" },
	{ "outputs:\n- collector: {remoteAddress: 10.0.0.1:4739\n",
	  "c.yaml:3: cannot be read as YAML: did not find expected ',' or '}'" },
	{ "count: \x01\n", "c.yaml:1: cannot be read as YAML: control characters are not allowed" },
	/* unknown keys */
	{ OUT "idleTimeoutSecond: 5\n", "c.yaml:2: idleTimeoutSecond: unknown key",
	  "did you mean 'idleTimeoutSeconds'?" },
	{ OUT "5: 6\n", "c.yaml:2: 5: unknown key" },
	{ "outputs:\n- collector:\n    remoteAddress: 10.0.0.1:4739\n    adress: x\n",
	  "c.yaml:4: outputs[0].collector.adress: unknown key" },
	{ OUT "\"a\\tb\": 6\n", "c.yaml:2: a?b: unknown key" },
	/* numbers */
	{ OUT "idleTimeoutSeconds: 0\n", "c.yaml:2: idleTimeoutSeconds: 0 is out of range (1 to 604800)" },
	{ OUT "timerForceDrainSeconds: 0\n",
	  "c.yaml:2: timerForceDrainSeconds: 0 is out of range (1 to 604800)" },
	{ OUT "timerFinishedDrainSeconds: -1\n",
	  "c.yaml:2: timerFinishedDrainSeconds: -1 is out of range (1 to 604800)" },
	{ OUT "timerTemplateFlushSeconds: 0\n",
	  "c.yaml:2: timerTemplateFlushSeconds: 0 is out of range (1 to 604800)" },
	{ OUT "idleTimeoutSeconds: 99999999999999999999999\n",
	  "c.yaml:2: idleTimeoutSeconds: 99999999999999999999999 is out of range (1 to 604800)" },
	{ OUT "idleTimeoutSeconds: 1.5\n", "c.yaml:2: idleTimeoutSeconds: 1.5 is not a whole number" },
	{ OUT "idleTimeoutSeconds: '5'\n",
	  "c.yaml:2: idleTimeoutSeconds: must be a whole number, not text" },
	{ OUT "idleTimeoutSeconds: 5s\n",
	  "c.yaml:2: idleTimeoutSeconds: must be a whole number, not text" },
	{ OUT "idleTimeoutSeconds: [5]\n",
	  "c.yaml:2: idleTimeoutSeconds: must be a whole number, not a list" },
	{ OUT "idleTimeoutSeconds:\n",
	  "c.yaml:2: idleTimeoutSeconds: must be a whole number, not nothing" },
	{ OUT "idleTimeoutSeconds: true\n",
	  "c.yaml:2: idleTimeoutSeconds: must be a whole number, not true or false" },
	{ OUT "observationDomainId: 0\n",
	  "c.yaml:2: observationDomainId: 0 is out of range (1 to 4294967295)" },
	{ OUT "observationDomainId: 4294967296\n",
	  "c.yaml:2: observationDomainId: 4294967296 is out of range (1 to 4294967295)" },
	{ OUT "count: twice\n", "c.yaml:2: count: 'twice' is not once or all" },
	{ OUT "builtinTemplates: 1\n", "c.yaml:2: builtinTemplates: must be true or false, not a number" },
	/* the longest message */
	{ OUT "maxIpfixMessageLen: 20\n", "c.yaml:2: maxIpfixMessageLen: 20 is out of range (21 to 65507)" },
	{ OUT "maxIpfixMessageLen: 65508\n",
	  "c.yaml:2: maxIpfixMessageLen: 65508 is out of range (21 to 65507)" },
	/* two IPv6 addresses are 32 bytes; message and set header 16 + 4 (RFC 7011 3.1, 3.3.2) */
	{ OUT "maxIpfixMessageLen: 51\n"
	  "templates: [{id: 256, template: [sourceIPv6Address, destinationIPv6Address]}]\n",
	  "c.yaml:2: maxIpfixMessageLen: 51 bytes are too few for a record of template 256, which needs 52" },
	/* a template of one element is 4 + 4 bytes (RFC 7011 3.4.1) */
	{ "maxIpfixMessageLen: 27\n" OUT "templates: [{id: 256, template: [ipVersion]}]\n",
	  "c.yaml:1: maxIpfixMessageLen: 27 bytes are too few for the announcement of template 256, which needs 28" },
	/* 16 + 16 addresses and 2 octets of tcpControlBits, which are 1 elsewhere; 20 of headers */
	{ COLLECTOR("profile: strict") "maxIpfixMessageLen: 53\ntemplates:\n- id: 300\n"
	  "  template: [sourceIPv6Address, destinationIPv6Address, tcpControlBits]\n",
	  "c.yaml:2: maxIpfixMessageLen: 53 bytes are too few for a record of template 300, which needs 54" },
	/* meters */
	{ OUT "meters: {name: eth0}\n", "c.yaml:2: meters: must be a list, not a mapping" },
	{ OUT "meters: [eth0]\n", "c.yaml:2: meters[0]: must be a mapping, not text" },
	{ OUT "meters:\n- name: eth0\n- netns: a\n", "c.yaml:4: meters[1]: 'name' is missing" },
	{ OUT "meters: [{name: a b}]\n",
	  "c.yaml:2: meters[0].name: an interface's name has no white space and no '/'" },
	{ OUT "meters: [{name: sixteen-letters-}]\n",
	  "c.yaml:2: meters[0].name: an interface's name has at most 15 characters" },
	{ OUT "meters: [{name: 5}]\n", "c.yaml:2: meters[0].name: must be text, not a number" },
	{ OUT "meters: [{name: ''}]\n", "c.yaml:2: meters[0].name: is empty" },
	{ OUT "meters: [{name: eth0, direction: in}]\n",
	  "c.yaml:2: meters[0].direction: 'in' is not both, ingress or egress",
	  "did you mean 'ingress'?" },
	{ OUT "meters: [{name: eth0, hook: ebpf}]\n",
	  "c.yaml:2: meters[0].hook: 'ebpf' is not auto, tcx, tc or xdp" },
	{ OUT "meters: [{name: eth0, hook: xdp, xdpMode: skb}]\n",
	  "c.yaml:2: meters[0].xdpMode: 'skb' is not auto, native or generic" },
	{ OUT "meters: [{name: eth0, hook: tcx, xdpMode: native}]\n",
	  "c.yaml:2: meters[0]: xdpMode belongs to hook: xdp" },
	{ OUT "meters: [{name: eth0, maxFlows: 0}]\n",
	  "c.yaml:2: meters[0].maxFlows: 0 is out of range (1 to 67108864)" },
	{ OUT "meters: [{name: eth0, decap: gnve}]\n",
	  "c.yaml:2: meters[0].decap: 'gnve' is no tunnel: none, all, or some of "
	  "geneve[:PORT],vxlan[:PORT],gre,ipip" },
	{ OUT "meters: [{name: eth0, decap: [geneve, 'vxlan:x']}]\n",
	  "c.yaml:2: meters[0].decap: 'x' is no port of vxlan: 1 to 65535" },
	{ OUT "meters: [{name: eth0, decap: [7]}]\n",
	  "c.yaml:2: meters[0].decap[0]: must be a tunnel (as geneve or 'vxlan:8472'), not a number" },
	{ OUT "meters: [{name: eth0, decap: ['gre,ipip']}]\n",
	  "c.yaml:2: meters[0].decap[0]: one tunnel each" },
	{ OUT "meters: [{name: eth0, decap: {gre: 1}}]\n",
	  "c.yaml:2: meters[0].decap: must be a list of tunnels, or none or all, not a mapping" },
	/* outputs */
	{ "outputs: [{}]\n", "c.yaml:1: outputs[0]: must be one of collector, file and log" },
	{ "outputs: [{collector: {remoteAddress: a:1}, log: {file: stdout}}]\n",
	  "c.yaml:1: outputs[0]: must be one of collector, file and log" },
	{ "outputs: [{prom: {}}]\n", "c.yaml:1: outputs[0].prom: unknown key" },
	{ "outputs:\n- collector: {}\n", "c.yaml:2: outputs[0].collector: 'remoteAddress' is missing" },
	{ "outputs: [{collector: 127.0.0.1:4739}]\n",
	  "c.yaml:1: outputs[0].collector: must be a mapping, not text" },
	{ "outputs:\n- log: {file: a}\n- collector:\n    remoteAddress: 127.0.0.1\n",
	  "c.yaml:4: outputs[1].collector.remoteAddress: '127.0.0.1' is not HOST:PORT (as 192.0.2.1:4739 or \"[2001:db8::1]:4739\")" },
	{ "outputs: [{collector: {remoteAddress: 4739}}]\n",
	  "c.yaml:1: outputs[0].collector.remoteAddress: must be text, not a number" },
	{ "outputs: [{collector: {remoteAddress: '2001:db8::1:4739'}}]\n",
	  "c.yaml:1: outputs[0].collector.remoteAddress: '2001:db8::1:4739' is not HOST:PORT (as 192.0.2.1:4739 or \"[2001:db8::1]:4739\")" },
	{ "outputs: [{collector: {remoteAddress: 10.0.0.1:65536}}]\n",
	  "c.yaml:1: outputs[0].collector.remoteAddress: '10.0.0.1:65536' is not HOST:PORT (as 192.0.2.1:4739 or \"[2001:db8::1]:4739\")" },
	{ "outputs: [{collector: {remoteAddress: 10.0.0.1:0}}]\n",
	  "c.yaml:1: outputs[0].collector.remoteAddress: '10.0.0.1:0' has the port 0" },
	{ "outputs: [{collector: {remoteAddress: 10.0.0.256:4739}}]\n",
	  "c.yaml:1: outputs[0].collector.remoteAddress: '10.0.0.256:4739' has neither an address nor a host's name" },
	{ "outputs: [{collector: {remoteAddress: 'a b:4739'}}]\n",
	  "c.yaml:1: outputs[0].collector.remoteAddress: 'a b:4739' has neither an address nor a host's name" },
	{ "outputs: [{collector: {remoteAddress: 10.0.0.1:1, localAddress: localhost:0}}]\n",
	  "c.yaml:1: outputs[0].collector.localAddress: 'localhost:0' is not ADDRESS:PORT (as 192.0.2.1:0 or \"[2001:db8::1]:0\")" },
	{ "outputs: [{collector: {remoteAddress: 10.0.0.1:1, localAddress: '[::1]:0'}}]\n",
	  "c.yaml:1: outputs[0].collector: remoteAddress and localAddress are not of one address family" },
	{ "outputs: [{collector: {remoteAddress: 10.0.0.1:1, transport: carrier-pigeon}}]\n",
	  "c.yaml:1: outputs[0].collector.transport: 'carrier-pigeon' is not udp, tcp, tls or sctp" },
	{ "collectors: [{localAddress: 10.0.0.1:1}]\n",
	  "c.yaml:1: collectors[0]: 'remoteAddress' is missing" },
	{ "collectors: [{address: 10.0.0.1:1, remoteAddress: 10.0.0.1:1}]\n",
	  "c.yaml:1: collectors[0]: remoteAddress and address mean the same, give one" },
	{ "outputs: [{log: {}}]\n", "c.yaml:1: outputs[0].log: 'file' is missing" },
	{ "outputs: [{log: {file: stdout, format: vcp}}]\n",
	  "c.yaml:1: outputs[0].log.format: 'vcp' is not json, text or vpc" },
	{ "outputs: [{log: {file: stdout, fields: '${version}'}}]\n",
	  "c.yaml:1: outputs[0].log.fields: belongs to the format vpc" },
	{ "outputs: [{log: {file: stdout, format: vpc, fields: 'version end'}}]\n",
	  "c.yaml:1: outputs[0].log.fields: 'version' is not ${FIELD}; blanks stand between fields" },
	{ "outputs: [{log: {file: stdout, format: vpc, fields: '${srcadr}'}}]\n",
	  "c.yaml:1: outputs[0].log.fields: '${srcadr}' is no field of VPC flow logs" },
	{ "outputs: [{log: {file: stdout, format: vpc, fields: '${end} ${end}'}}]\n",
	  "c.yaml:1: outputs[0].log.fields: '${end}' stands there twice" },
	{ "outputs: [{log: {file: stdout, format: vpc, fields: ' '}}]\n",
	  "c.yaml:1: outputs[0].log.fields: names no field" },
	{ "outputs: [{log: {file: stdout, format: vpc, aggregationInterval: 7}}]\n",
	  "c.yaml:1: outputs[0].log.aggregationInterval: is not a number of seconds that divides an hour (60, 600)" },
	{ "outputs: [{log: {file: stdout, format: vpc, hooks: [{name: a, command: b}]}}]\n",
	  "c.yaml:1: outputs[0].log.hooks: a log of format vpc has none: hooks are given JSON" },
	{ "outputs: [{log: {file: stdout, format: vpc, hivePartitions: true}}]\n",
	  "c.yaml:1: outputs[0].log.hivePartitions: belongs to a directory, not to a file" },
	{ "outputs: [{log: {directory: /tmp/x, format: vpc, flowLogId: ../x}}]\n",
	  "c.yaml:1: outputs[0].log.flowLogId: '../x' has more than letters, digits, '-' and '_'" },
	{ "outputs: [{log: {directory: /tmp/x, format: vpc, filePeriod: 5m}}]\n",
	  "c.yaml:1: outputs[0].log: filePeriod must be a multiple of aggregationInterval" },
	{ "outputs: [{log: {directory: /tmp/x, file: stdout, format: vpc}}]\n",
	  "c.yaml:1: outputs[0].log: must have either a file or a directory" },
	{ "outputs: [{log: {directory: /tmp/x}}]\n",
	  "c.yaml:1: outputs[0].log.directory: belongs to the format vpc" },
	{ "outputs:\n- log: {file: /tmp/x, format: vpc}\n- log: {file: /tmp/x}\n",
	  "c.yaml:3: outputs[1]: another output writes to '/tmp/x'" },
	{ "outputs:\n- log: {file: /tmp/x, format: vpc}\n- log: {file: stdout, format: vpc, aggregationInterval: 60}\n",
	  "c.yaml:3: outputs[1]: another output has another aggregationInterval" },
	{ "outputs: [{log: {file: stdout, hooks: [{name: a}]}}]\n",
	  "c.yaml:1: outputs[0].log.hooks[0]: must have either a command or a shell line" },
	{ "outputs: [{log: {file: stdout, hooks: [{command: a, shell: b}]}}]\n",
	  "c.yaml:1: outputs[0].log.hooks[0]: must have either a command or a shell line" },
	{ "outputs: [{log: {file: stdout, hooks: [{command: 'jq \"a'}]}}]\n",
	  "c.yaml:1: outputs[0].log.hooks[0].command: a quote is left open in 'jq \"a'" },
	{ "outputs: [{log: {file: stdout, hooks: [{command: ' '}]}}]\n",
	  "c.yaml:1: outputs[0].log.hooks[0].command: no program is named in ' '" },
	{ "outputs: [{log: {file: stdout, hooks: [{command: [a]}]}}]\n",
	  "c.yaml:1: outputs[0].log.hooks[0].command: must be text, not a list" },
	{ "outputs: [{log: {file: stdout, hooks: [{command: a, timeout: 0}]}}]\n",
	  "c.yaml:1: outputs[0].log.hooks[0].timeout: must be a duration of 1ms to 300s" },
	{ "outputs: [{log: {file: stdout, hooks: {command: a}}}]\n",
	  "c.yaml:1: outputs[0].log.hooks: must be a list, not a mapping" },
	{ "outputs:\n- file: a\n- log: {file: a}\n", "c.yaml:3: outputs[1]: another output writes to 'a'" },
	{ "outputs: [{file: a}, {file: {path: a}}]\n", "c.yaml:1: outputs[1]: another output writes to 'a'" },
	{ "outputs: [{collector: {remoteAddress: 10.0.0.1:1, localAddress: 10.0.0.2:5}},\n"
	  " {collector: {remoteAddress: 10.0.0.1:2, localAddress: 10.0.0.2:5}}]\n",
	  "c.yaml:2: outputs[1]: another output has the localAddress 10.0.0.2:5" },
	{ COLLECTOR("group: [a]"), "c.yaml:1: outputs[0].collector.group: must be text, not a list" },
	{ COLLECTOR("profile: ''"),
	  "c.yaml:1: outputs[0].collector.profile: '' is not default, nfdump, pmacct, ntop or strict" },
	{ COLLECTOR("version: netflow9, transport: tcp"),
	  "c.yaml:1: outputs[0].collector.version: netflow9 goes over udp only" },
	{ COLLECTOR("transport: tls, tls: {certificat: a}"),
	  "c.yaml:1: outputs[0].collector.tls.certificat: unknown key", "did you mean 'certificate'?" },
	{ COLLECTOR("transport: tcp, backlog: {bytes: 64K}"),
	  "c.yaml:1: outputs[0].collector.backlog.bytes: must be a whole number, not text" },
	{ "outputs: [{file: {}}]\n", "c.yaml:1: outputs[0].file: 'path' is missing" },
	{ "outputs: [{file: 7}]\n", "c.yaml:1: outputs[0].file: must be a mapping, not a number" },
	{ COLLECTOR("version: 5"),
	  "c.yaml:1: outputs[0].collector.version: must be ipfix or netflow9, not a number" },
	{ COLLECTOR("version: netflow9, transport: tcp"),
	  "c.yaml:1: outputs[0].collector.version: netflow9 goes over udp only" },
	{ "outputs:\n- log: {file: stdout}\n- collector:\n    remoteAddress: 10.0.0.1:1\n"
	  "    version: netflow9\n"
	  "templates: [{id: 300, template: [{name: packetMark}]}]\n",
	  "c.yaml:5: outputs[1].collector.version: NetFlow v9 has no elements of enterprises: "
	  "'packetMark' of template 300" },
	{ COLLECTOR("version: netflow9")
	  "templates: [{id: 300, template: [{name: interfaceName}]}]\n",
	  "c.yaml:1: outputs[0].collector.version: NetFlow v9 has no variable lengths: "
	  "give 'interfaceName' of template 300 a length" },
	{ COLLECTOR("profile: cisco"),
	  "c.yaml:1: outputs[0].collector.profile: 'cisco' is not default, nfdump, pmacct, ntop or strict" },
	{ COLLECTOR("tls: {ca: a}"), "c.yaml:1: outputs[0].collector.tls: belongs to transport: tls" },
	{ COLLECTOR("transport: tls, tls: {key: a}"),
	  "c.yaml:1: outputs[0].collector.tls: certificate and key belong together" },
	{ COLLECTOR("backlog: {bytes: 100000}"),
	  "c.yaml:1: outputs[0].collector.backlog: belongs to transport: tcp, tls or sctp" },
	{ COLLECTOR("transport: tcp, backlog: {bytes: 1}"),
	  "c.yaml:1: outputs[0].collector.backlog.bytes: 1 is out of range (65536 to 4294967296)" },
	{ COLLECTOR("transport: tcp, backlog: {fileBytes: 100000}"),
	  "c.yaml:1: outputs[0].collector.backlog: fileBytes belongs to a file, and none is named" },
	{ COLLECTOR("transport: tcp, maxBytesPerSecond: 1"),
	  "c.yaml:1: outputs[0].collector.maxBytesPerSecond: belongs to transport: udp" },
	{ OUT "count: all\nbiflow: true\n",
	  "c.yaml:3: biflow: needs count: once, which tells which way a flow went" },
	{ OUT "biflow: 1\n", "c.yaml:2: biflow: must be true or false, not a number" },
	{ OUT "enterpriseNumber: 29305\n",
	  "c.yaml:2: enterpriseNumber: 29305 is that of reverse elements (RFC 5103)" },
	{ OUT "enterpriseNumber: 0\n",
	  "c.yaml:2: enterpriseNumber: 0 is out of range (1 to 4294967294)" },
	{ OUT "timerOptionsSeconds: 0\n",
	  "c.yaml:2: timerOptionsSeconds: 0 is out of range (1 to 604800)" },
	{ OUT "prefixFile: ''\n", "c.yaml:2: prefixFile: is empty" },
	/* aws */
	{ OUT "aws: {enabled: maybe}\n", "c.yaml:2: aws.enabled: must be auto, true or false" },
	{ OUT "aws: {enabled: 'true'}\n", "c.yaml:2: aws.enabled: must be auto, true or false" },
	{ OUT "aws: {refresh: soon}\n", "c.yaml:2: aws.refresh: must be a duration (as 5s)" },
	{ OUT "aws: {refresh: 999ms}\n", "c.yaml:2: aws.refresh: must be 1s at least" },
	{ OUT "aws: {endpoint: '169.254.169.254'}\n",
	  "c.yaml:2: aws.endpoint: must be a URL (as http://[fd00:ec2::254])" },
	{ OUT "aws:\n  endpoint: 'http://169.254.169.254:99999'\n",
	  "c.yaml:3: aws.endpoint: must be a URL (as http://[fd00:ec2::254])" },
	{ "outputs: [{collector: {remoteAddress: 'a..b:4739'}}]\n",
	  "c.yaml:1: outputs[0].collector.remoteAddress: 'a..b:4739' has neither an address nor a host's name" },
	{ "outputs: [{collector: {remoteAddress: '[10.0.0.1]:4739'}}]\n",
	  "c.yaml:1: outputs[0].collector.remoteAddress: '[10.0.0.1]:4739' has neither an address nor a host's name" },
	{ COLLECTOR("localAddress: '0.0.0.0:70000'"),
	  "c.yaml:1: outputs[0].collector.localAddress: '0.0.0.0:70000' is not ADDRESS:PORT (as 192.0.2.1:0 or \"[2001:db8::1]:0\")" },
	{ "metrics: {listen: '127.0.0.1:99999'}\n" OUT,
	  "c.yaml:1: metrics.listen: must be an address and a port (127.0.0.1:9999)" },
	{ OUT "aws: {endpoint: 'http://me@host'}\n",
	  "c.yaml:2: aws.endpoint: must be a URL (as http://[fd00:ec2::254])" },
	{ OUT "aws: {endpoint: 'http:///x'}\n",
	  "c.yaml:2: aws.endpoint: must be a URL (as http://[fd00:ec2::254])" },
	{ OUT "aws: {token: x}\n", "c.yaml:2: aws.token: unknown key" },
	{ OUT "aws: true\n", "c.yaml:2: aws: must be a mapping, not true or false" },
};

TEST(aws_is_auto_every_five_minutes_unless_it_says_otherwise)
{
	struct conf *c = load(OUT);
	struct conf *d = load(OUT "aws: {enabled: true, refresh: 1s, endpoint: 'HTTP://[::1]:80/x/'}\n");
	struct conf *e = load(OUT "aws: {enabled: false}\n");

	CHECK(c && c->aws.enabled == CONF_AWS_AUTO && c->aws.refresh_ns == 300000000000 && !c->aws.endpoint);
	CHECK(d && d->aws.enabled == CONF_AWS_ON && d->aws.refresh_ns == 1000000000);
	CHECK_STR(d->aws.endpoint, "HTTP://[::1]:80/x/");
	CHECK(e && e->aws.enabled == CONF_AWS_OFF && e->aws.refresh_ns == 300000000000);
	conf_free(c);
	conf_free(d);
	conf_free(e);
}

TEST(every_fault_has_its_sentence)
{
	check_faults(rows, ARRAY_SIZE(rows));
}

TEST(a_file_that_is_not_there_failed_and_is_no_wrong_usage)
{
	struct conf *c = NULL;

	error_clear();
	CHECK(conf_load("/nonexistent/config.yaml", &c) == -ENOENT && !c);
	CHECK_STR(error_message(),
		  "cannot open the configuration '/nonexistent/config.yaml': No such file or directory");
	CHECK(error_exit_status() == ERROR_FAILED);
	CHECK(conf_load("/", &c) == -EISDIR && !c);
}

TEST(a_file_longer_than_a_mebibyte_is_refused)
{
	size_t len = 1024 * 1024 + 1;
	char *text = malloc(len + 1);
	struct conf *c = NULL;

	CHECK(text);
	memset(text, '#', len);
	text[len] = '\0';
	error_clear();
	CHECK(conf_parse("c.yaml", text, len, &c) == -EINVAL);
	CHECK_STR(error_message(), "c.yaml: longer than 1048576 bytes");
	free(text);
	CHECK(conf_load("/dev/zero", &c) == -EINVAL);
	CHECK_STR(error_message(), "/dev/zero: longer than 1048576 bytes");
}

static struct strbuf many_keys(void)
{
	struct strbuf b = STRBUF_NULL;

	for (int i = 0; i < 100000; i++)
		strbuf_printf(&b, "k%d: 1\n", i);
	return b;
}

TEST(a_hundred_thousand_keys_are_refused_at_once)
{
	struct strbuf b = many_keys();
	struct conf *c = NULL;

	CHECK(conf_parse("c.yaml", b.data, b.len, &c) == -EINVAL);
	CHECK_STR(error_message(), "c.yaml:257: more than 256 keys in one mapping");
	strbuf_deinit(&b);
}

static char *read_whole(const char *path, size_t *ret_len)
{
	FILE *f = fopen(path, "re");
	char *text = malloc(65536);

	*ret_len = f && text ? fread(text, 1, 65536, f) : 0;
	if (f)
		fclose(f);
	return text;
}

/* Whatever is cut off or turned over: a sentence or a configuration, and nothing leaks. */
TEST(a_damaged_file_never_does_harm)
{
	size_t len;
	char *text = read_whole("misc/examples/config.yaml", &len);
	unsigned seed = 1;

	CHECK(text && len > 1000);
	for (size_t i = 0; i < len + 2000; i += i < len ? 5 : 1) {
		size_t n = i < len ? i : len;
		char *cut = malloc(n + 1);
		struct conf *c = NULL;

		CHECK(cut);
		memcpy(cut, text, n);
		for (int k = 0; i >= len && k < 3; k++) {
			seed = seed * 1103515245 + 12345;
			cut[(seed >> 8) % len] = "\n :-[]{},'\"#&*!|>%@\t\\0aZ\xff\xc3"[(seed >> 3) % 27];
		}
		error_clear();
		if (conf_parse("c.yaml", cut, n, &c) < 0)
			CHECK(strncmp(error_message(), "c.yaml:", 7) == 0);
		conf_free(c);
		free(cut);
	}
	free(text);
}
