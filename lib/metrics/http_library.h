/* SPDX-License-Identifier: Apache-2.0 */
/* libmicrohttpd, loaded when it is first needed; for http.c alone. */
#ifndef FLOWCTL_METRICS_HTTP_LIBRARY_H
#define FLOWCTL_METRICS_HTTP_LIBRARY_H

#include <microhttpd.h>

#define HTTP_FUNCTIONS(x_)                                                               \
	x_(start_daemon) x_(stop_daemon) x_(run) x_(get_timeout) x_(get_daemon_info)     \
	x_(get_connection_info) x_(lookup_connection_value)                              \
	x_(create_response_from_buffer) x_(add_response_header) x_(queue_response)       \
	x_(destroy_response)

/* mhd.run is MHD_run(), and so on; NULL before http_library_load(). */
#define HTTP_MEMBER(name_) __typeof__(MHD_##name_) *name_;
extern struct http_library {
	HTTP_FUNCTIONS(HTTP_MEMBER)
} mhd;
#undef HTTP_MEMBER

/* 0, at once when it was done before; or fail_system(). */
int http_library_load(void);

#endif
