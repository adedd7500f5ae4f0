#include "nn/dnnl/internal.h"
#include "nn/dnnl/prim.h"
#include "nn/stopwatch.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static dnnl_engine_t engine;
static _Thread_local dnnl_stream_t stream; /* two threads may each run primitives */
static pthread_key_t stream_key;           /* its destructor takes a thread's stream away */
static pthread_once_t stream_once = PTHREAD_ONCE_INIT;

dnnl_engine_t thaw_dnnl_engine(void)
{
    if (!engine && dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success)
        engine = NULL;
    return engine;
}

static void end_stream(void *of_thread)
{
    dnnl_stream_destroy(of_thread);
}

static void make_key(void)
{
    pthread_key_create(&stream_key, end_stream);
}

/* One in-order stream for each thread. */
static dnnl_stream_t stream_of_thread(void)
{
    if (stream || !thaw_dnnl_engine())
        return stream;
    pthread_once(&stream_once, make_key);
    if (dnnl_stream_create(&stream, engine, dnnl_stream_default_flags) != dnnl_success)
        stream = NULL;
    pthread_setspecific(stream_key, stream);
    return stream;
}

int thaw_dnnl_check(dnnl_status_t status, const char *what, struct thaw_error *err)
{
    static const char *const names[] = {"success",       "out of memory", "invalid arguments",
                                        "unimplemented", "iterator ends", "runtime error",
                                        "not required"};
    if (status == dnnl_success)
        return 0;
    size_t known = sizeof names / sizeof *names;
    return thaw_fail(err, status == dnnl_out_of_memory ? THAW_EMEMORY : THAW_ESYSTEM,
                     "oneDNN: %s: %s", what,
                     (size_t)status < known ? names[status] : "unknown status");
}

/* An instruction set's number holds the bits of all it is built on. */
static bool has_isa(dnnl_cpu_isa_t wanted)
{
    return ((unsigned)dnnl_get_effective_cpu_isa() & (unsigned)wanted) == (unsigned)wanted;
}

int thaw_dnnl_block(void)
{
    return has_isa(dnnl_cpu_isa_avx512_core) ? 16 : 8;
}

bool thaw_dnnl_has_bf16(void)
{
    return has_isa(dnnl_cpu_isa_avx512_core_bf16);
}

bool thaw_dnnl_has_tiles(void)
{
    return has_isa(dnnl_cpu_isa_avx512_core_amx);
}

bool thaw_dnnl_has_int8(void)
{
    return has_isa(dnnl_cpu_isa_avx512_core_vnni) || has_isa(dnnl_cpu_isa_avx2_vnni);
}

const char *thaw_dnnl_version(void)
{
    static char text[32];
    const dnnl_version_t *v = dnnl_version();
    snprintf(text, sizeof text, "%d.%d.%d", v->major, v->minor, v->patch);
    return text;
}

const char *thaw_dnnl_isa(void)
{
    static char text[32];
    bool slow = thaw_dnnl_has_bf16() && !thaw_dnnl_has_fast_bf16();
    snprintf(text, sizeof text, "isa-%#x%s", (unsigned)dnnl_get_effective_cpu_isa(),
             slow ? ", slow bf16" : "");
    return text;
}

dnnl_data_type_t thaw_dnnl_type(enum thaw_type type)
{
    static const dnnl_data_type_t types[] = {[THAW_TYPE_F32] = dnnl_f32,
                                             [THAW_TYPE_BF16] = dnnl_bf16,
                                             [THAW_TYPE_S8] = dnnl_s8,
                                             [THAW_TYPE_U8] = dnnl_u8};
    return types[type];
}

int thaw_dnnl_desc(thaw_dnnl_md **md, const struct thaw_value *value, int n, struct thaw_error *err)
{
    struct thaw_shape shape = value->shape;
    dnnl_data_type_t type = thaw_dnnl_type(value->type);
    if (shape.rank == 1) {
        dnnl_dims_t dims = {n, shape.c};
        return thaw_dnnl_md_create(md, 2, dims, type, dnnl_ab, "vector descriptor", err);
    }
    /* With 16 channels the blocked layout and NHWC are one; primitives tell them apart by name. */
    dnnl_dims_t dims = {n, shape.c, shape.h, shape.w};
    dnnl_format_tag_t tag = value->channels_last        ? dnnl_nhwc
                            : value->layout.block == 16 ? dnnl_nChw16c
                            : value->layout.block == 8  ? dnnl_nChw8c
                            : value->layout.block == 1  ? dnnl_nchw
                                                        : dnnl_nhwc;
    return thaw_dnnl_md_create(md, 4, dims, type, tag, "activation descriptor", err);
}

/* A memory object whose data handle is set at each execution. */
static int make_memory(dnnl_memory_t *memory, const thaw_dnnl_md *md, struct thaw_error *err)
{
    return thaw_dnnl_check(dnnl_memory_create(memory, md, thaw_dnnl_engine(), DNNL_MEMORY_NONE),
                           "memory", err);
}

dnnl_alg_kind_t thaw_dnnl_eltwise(enum thaw_eltwise_kind kind, bool from_output)
{
    switch (kind) {
    case THAW_ELTWISE_RELU:
        return from_output ? dnnl_eltwise_relu_use_dst_for_bwd : dnnl_eltwise_relu;
    case THAW_ELTWISE_CLIP:
        return from_output ? dnnl_eltwise_clip_v2_use_dst_for_bwd : dnnl_eltwise_clip_v2;
    case THAW_ELTWISE_ELU:
        return from_output ? dnnl_eltwise_elu_use_dst_for_bwd : dnnl_eltwise_elu;
    case THAW_ELTWISE_LOGISTIC:
        return from_output ? dnnl_eltwise_logistic_use_dst_for_bwd : dnnl_eltwise_logistic;
    case THAW_ELTWISE_TANH:
        return from_output ? dnnl_eltwise_tanh_use_dst_for_bwd : dnnl_eltwise_tanh;
    case THAW_ELTWISE_SWISH:
        return dnnl_eltwise_swish;
    case THAW_ELTWISE_GELU_ERF:
        return dnnl_eltwise_gelu_erf;
    case THAW_ELTWISE_GELU_TANH:
        return dnnl_eltwise_gelu_tanh;
    case THAW_ELTWISE_SOFTPLUS:
        return dnnl_eltwise_soft_relu;
    case THAW_ELTWISE_HARDSWISH:
        return dnnl_eltwise_hardswish;
    case THAW_ELTWISE_EXP:
        return from_output ? dnnl_eltwise_exp_use_dst_for_bwd : dnnl_eltwise_exp;
    case THAW_ELTWISE_MISH:
        return dnnl_eltwise_mish;
    case THAW_ELTWISE_LINEAR:
        return dnnl_eltwise_linear;
    }
    return dnnl_alg_kind_undef;
}

int thaw_dnnl_append_eltwise(dnnl_post_ops_t ops, const struct thaw_eltwise *chain, int n,
                             struct thaw_error *err)
{
    for (int i = 0; i < n; i++)
        if (thaw_dnnl_check(thaw_dnnl_append_step(ops, thaw_dnnl_eltwise(chain[i].kind, false),
                                                  chain[i].alpha, chain[i].beta),
                            "activation post-op", err))
            return -1;
    return 0;
}

/* For dnnl_primitive_attr_destroy, also after an error. */
static int make_attr(dnnl_primitive_attr_t *attr, const struct thaw_dnnl_factors *factors,
                     dnnl_post_ops_t post_ops, const char *what, struct thaw_error *err)
{
    *attr = NULL;
    return thaw_dnnl_check(dnnl_primitive_attr_create(attr), what, err) ||
                   (factors && factors->values &&
                    thaw_dnnl_check(thaw_dnnl_set_factors(*attr, factors), what, err)) ||
                   (post_ops &&
                    thaw_dnnl_check(dnnl_primitive_attr_set_post_ops(*attr, post_ops), what, err))
               ? -1
               : 0;
}

/* The primitive of p->desc. */
static int make_primitive(struct thaw_dnnl_prim *p, const struct thaw_dnnl_factors *factors,
                          const char *what, struct thaw_error *err)
{
    if (thaw_dnnl_check(dnnl_primitive_create(&p->primitive, p->desc), what, err))
        return -1;
    return factors && factors->values
               ? thaw_dnnl_factor_memory(factors, &p->factor_memory, &p->factor_arg, err)
               : 0;
}

static int refuse_reference(const_dnnl_primitive_desc_t desc, const char *what,
                            struct thaw_error *err)
{
    const char *name = "";
    dnnl_primitive_desc_query(desc, dnnl_query_impl_info_str, 0, (void *)&name);
    return strstr(name, "ref") ? thaw_fail(err, THAW_ESYSTEM, "oneDNN: %s: only %s", what, name)
                               : 0;
}

int thaw_dnnl_prim_init(struct thaw_dnnl_prim *p, const struct thaw_dnnl_op *op,
                        const struct thaw_dnnl_extra *extra, const_dnnl_primitive_desc_t hint,
                        const char *what, struct thaw_error *err)
{
    dnnl_primitive_attr_t attr = NULL;
    const struct thaw_dnnl_factors *factors = extra ? &extra->factors : NULL;
    int rc = -1;
    *p = (struct thaw_dnnl_prim){0};
    if (make_attr(&attr, factors, extra ? extra->post_ops : NULL, what, err))
        goto done;
    dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (thaw_dnnl_check(thaw_dnnl_desc_create(&p->desc, op, attr, hint), what, err) ||
        (extra && extra->no_reference && refuse_reference(p->desc, what, err)) ||
        make_primitive(p, factors, what, err))
        goto done;
    const thaw_dnnl_md *md = dnnl_primitive_desc_query_md(p->desc, dnnl_query_scratchpad_md, 0);
    p->scratch = md ? dnnl_memory_desc_get_size(md) : 0;
    rc = p->scratch ? make_memory(&p->scratch_memory, md, err) : 0;
done:
    dnnl_primitive_attr_destroy(attr);
    if (rc)
        thaw_dnnl_prim_release(p);
    return rc;
}

int thaw_dnnl_reorder_init(struct thaw_dnnl_prim *p, const thaw_dnnl_md *from,
                           const thaw_dnnl_md *to, const struct thaw_dnnl_factors *factors,
                           const char *what, struct thaw_error *err)
{
    dnnl_primitive_attr_t attr = NULL;
    dnnl_engine_t cpu = thaw_dnnl_engine();
    *p = (struct thaw_dnnl_prim){0};
    int rc = make_attr(&attr, factors, NULL, what, err) ||
             thaw_dnnl_check(dnnl_reorder_primitive_desc_create(&p->desc, from, cpu, to, cpu, attr),
                             what, err) ||
             make_primitive(p, factors, what, err) ||
             thaw_dnnl_prim_arg(p, DNNL_ARG_FROM, from, err) ||
             thaw_dnnl_prim_arg(p, DNNL_ARG_TO, to, err);
    dnnl_primitive_attr_destroy(attr);
    if (!rc)
        return 0;
    thaw_dnnl_prim_release(p);
    return -1;
}

int thaw_dnnl_prim_arg(struct thaw_dnnl_prim *p, int arg, const thaw_dnnl_md *md,
                       struct thaw_error *err)
{
    if (!md)
        return 0;
    if (make_memory(&p->memory[p->n], md, err))
        return -1;
    p->arg[p->n++] = arg;
    return 0;
}

static void tell(const struct thaw_dnnl_prim *p, double began)
{
    const char *name = NULL;
    dnnl_prop_kind_t prop = dnnl_prop_kind_undef; /* as it stays for reorders */
    dnnl_primitive_desc_query(p->desc, dnnl_query_impl_info_str, 0, (void *)&name);
    dnnl_primitive_desc_query(p->desc, dnnl_query_prop_kind, 0, &prop);
    thaw_stopwatch_end_primitive(name ? name : "unknown",
                                 prop == dnnl_prop_kind_undef    ? "reorder"
                                 : prop == dnnl_backward_data    ? "backward data"
                                 : prop == dnnl_backward_weights ? "backward weights"
                                 : prop == dnnl_backward         ? "backward"
                                                                 : "forward",
                                 began);
}

int thaw_dnnl_prim_run(struct thaw_dnnl_prim *p, void *const *data, void *scratch,
                       struct thaw_error *err)
{
    dnnl_exec_arg_t args[THAW_DNNL_ARGS + 2];
    int n = 0;
    for (; n < p->n; n++) {
        dnnl_memory_set_data_handle(p->memory[n], data[n]);
        args[n] = (dnnl_exec_arg_t){p->arg[n], p->memory[n]};
    }
    if (p->scratch) {
        dnnl_memory_set_data_handle(p->scratch_memory, scratch);
        args[n++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, p->scratch_memory};
    }
    if (p->factor_memory)
        args[n++] = (dnnl_exec_arg_t){p->factor_arg, p->factor_memory};
    double began = thaw_stopwatch_begin_primitive();
    if (thaw_dnnl_check(dnnl_primitive_execute(p->primitive, stream_of_thread(), n, args),
                        "execution", err))
        return -1;
    if (began > 0)
        tell(p, began);
    return 0;
}

void thaw_dnnl_prim_release(struct thaw_dnnl_prim *p)
{
    for (int i = 0; i < p->n; i++)
        dnnl_memory_destroy(p->memory[i]);
    dnnl_memory_destroy(p->scratch_memory);
    dnnl_memory_destroy(p->factor_memory);
    dnnl_primitive_destroy(p->primitive);
    dnnl_primitive_desc_destroy(p->desc);
    *p = (struct thaw_dnnl_prim){0};
}
