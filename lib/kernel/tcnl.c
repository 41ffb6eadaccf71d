/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dumps of qdiscs and filters. libnl-route decodes no bpf filter, and libbpf's query asks
 * for one handle only, so the few attributes that count are read here.
 */
#include "kernel/tcnl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <string.h>

#include "abi.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "kernel/rtnl.h"

struct dump {
	uint32_t ifindex;
	struct tc_filter *filters;
	size_t n;
	char qdisc[16];
	int error;
};

static void nl_socket_freep(struct nl_sock **sk)
{
	if (*sk)
		nl_socket_free(*sk);
}

static void read_bpf(struct nlattr *options, struct tc_filter *f)
{
	struct nlattr *tb[TCA_BPF_MAX + 1] = { 0 };

	if (nla_parse_nested(tb, TCA_BPF_MAX, options, NULL) == 0 && tb[TCA_BPF_ID])
		f->prog_id = nla_get_u32(tb[TCA_BPF_ID]);
}

static int on_filter(struct nl_msg *msg, void *arg)
{
	struct nlattr *tb[TCA_MAX + 1] = { 0 };
	struct tcmsg *tcm = nlmsg_data(nlmsg_hdr(msg));
	struct dump *d = arg;
	struct tc_filter *grown, f;

	if (nlmsg_parse(nlmsg_hdr(msg), sizeof(*tcm), tb, TCA_MAX, NULL) < 0 || !tb[TCA_KIND])
		return NL_SKIP;
	if (tb[TCA_CHAIN] && nla_get_u32(tb[TCA_CHAIN]) != 0)
		return NL_SKIP;
	f = (struct tc_filter){
		.pref = TC_H_MAJ(tcm->tcm_info) >> 16,
		.protocol = ntohs(TC_H_MIN(tcm->tcm_info)),
		.handle = tcm->tcm_handle,
	};
	snprintf(f.kind, sizeof(f.kind), "%s", nla_get_string(tb[TCA_KIND]));
	if (tb[TCA_OPTIONS] && strcmp(f.kind, "bpf") == 0)
		read_bpf(tb[TCA_OPTIONS], &f);
	grown = reallocarray(d->filters, d->n + 1, sizeof(*grown));
	if (!grown) {
		d->error = -ENOMEM;
		return NL_STOP;
	}
	d->filters = grown;
	d->filters[d->n++] = f;
	return NL_OK;
}

static int on_qdisc(struct nl_msg *msg, void *arg)
{
	struct nlattr *tb[TCA_MAX + 1] = { 0 };
	struct tcmsg *tcm = nlmsg_data(nlmsg_hdr(msg));
	struct dump *d = arg;

	/* A kernel may dump every interface's, whatever was asked. */
	if ((uint32_t)tcm->tcm_ifindex != d->ifindex || tcm->tcm_parent != TC_H_CLSACT)
		return NL_SKIP;
	if (nlmsg_parse(nlmsg_hdr(msg), sizeof(*tcm), tb, TCA_MAX, NULL) == 0 && tb[TCA_KIND])
		snprintf(d->qdisc, sizeof(d->qdisc), "%s", nla_get_string(tb[TCA_KIND]));
	return NL_OK;
}

static int dump(int type, const struct tcmsg *tcm, nl_recvmsg_msg_cb_t cb, struct dump *d)
{
	_cleanup_(nl_socket_freep) struct nl_sock *sk = NULL;
	int r;

	r = rtnl_open(-1, &sk);
	if (r < 0)
		return r;
	nl_socket_modify_cb(sk, NL_CB_VALID, NL_CB_CUSTOM, cb, d);
	r = nl_send_simple(sk, type, NLM_F_DUMP, (void *)tcm, sizeof(*tcm));
	if (r >= 0)
		r = nl_recvmsgs_default(sk);
	if (r >= 0)
		return d->error;
	/* No such interface, or no qdisc there: nothing to list. */
	if (r == -NLE_NODEV || r == -NLE_INVAL || r == -NLE_OBJ_NOTFOUND)
		return 0;
	return fail_plain(-EIO, "cannot list the tc objects: %s", nl_geterror(r));
}

int tcnl_filters(uint32_t ifindex, uint8_t direction, struct tc_filter **ret, size_t *ret_n)
{
	uint32_t side = direction == FLOW_INGRESS ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS;
	struct tcmsg tcm = {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = ifindex,
		.tcm_parent = TC_H_MAKE(TC_H_CLSACT, side),
	};
	struct dump d = { .ifindex = ifindex };
	int r = dump(RTM_GETTFILTER, &tcm, on_filter, &d);

	if (r < 0) {
		free(d.filters);
		return r;
	}
	*ret = d.filters;
	*ret_n = d.n;
	return 0;
}

int tcnl_ingress_qdisc(uint32_t ifindex, char ret[16])
{
	struct tcmsg tcm = { .tcm_family = AF_UNSPEC, .tcm_ifindex = ifindex };
	struct dump d = { .ifindex = ifindex };
	int r = dump(RTM_GETQDISC, &tcm, on_qdisc, &d);

	if (r == 0)
		memcpy(ret, d.qdisc, sizeof(d.qdisc));
	return r;
}
