/*
 * Status codes of the Virtual Device Interface, as the client library returns them in a
 * plain int: the numbers of the published HRESULTs, negative when they fail.
 *
 * Written for this project from the published numbers.
 */

#ifndef VDI_SIM_VDIERROR_H
#define VDI_SIM_VDIERROR_H

#include "vdi.h"

#ifndef NOERROR
#define NOERROR 0
#endif

/* A status of its parts: whether it is an error, where from, and which. */
#ifndef SEVERITY_ERROR
#define SEVERITY_ERROR 1
#endif
#ifndef MAKE_HRESULT
#define MAKE_HRESULT(severity, facility, code) \
    ((int)((unsigned)(severity) << 31 | (unsigned)(facility) << 16 | (unsigned)(code)))
#endif
#ifndef VD_ERROR
#define VD_ERROR(code) MAKE_HRESULT(SEVERITY_ERROR, 0x77, code)
#endif

#define VD_E_NOTOPEN VD_ERROR(2) /* the set is not open */
#define VD_E_TIMEOUT VD_ERROR(3) /* the time-out passed */
#define VD_E_ABORT VD_ERROR(4) /* the set was aborted */
#define VD_E_SECURITY VD_ERROR(5) /* the system refuses access */
#define VD_E_INVALID VD_ERROR(6) /* an argument is invalid */
#define VD_E_INSTANCE_NAME VD_ERROR(7) /* unknown instance; not on Linux */
#define VD_E_NOTSUPPORTED VD_ERROR(9) /* the configuration is not supported */
#define VD_E_MEMORY VD_ERROR(10) /* too little shared memory */
#define VD_E_UNEXPECTED VD_ERROR(11) /* an internal error */
#define VD_E_PROTOCOL VD_ERROR(12) /* not allowed in this state */
#define VD_E_OPEN VD_ERROR(13) /* devices are open, or all of them are */
#define VD_E_CLOSE VD_ERROR(14) /* the server has closed the device */
#define VD_E_BUSY VD_ERROR(15) /* the queue is full; never seen by clients */
#define VD_E_QUEUE_FULL VD_E_BUSY /* the same, as the specification calls it */

#endif
