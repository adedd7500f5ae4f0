#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/child.h"
#include "tests/check.h"

static const struct thaw_child_limits limits = {
    .memory = 64 << 20, .result = 1 << 20, .cpu = 1, .wall = 1};

static int hand_over(void *ctx, struct thaw_child_out *out, struct thaw_error *err)
{
    float *numbers;
    if (thaw_child_put(out, ctx, strlen(ctx), err) || thaw_child_align(out, 64, err) ||
        !(numbers = thaw_child_map(out, 5000 * sizeof *numbers, err)))
        return -1;
    for (int i = 0; i < 5000; i++)
        numbers[i] = (float)i;
    thaw_child_unmap(numbers, 5000 * sizeof *numbers);
    return thaw_child_put(out, "end", 3, err);
}

static void test_result(void)
{
    struct thaw_error err = {0};
    void *data;
    size_t size;
    CU_ASSERT_EQUAL_FATAL(thaw_child_run(&limits, hand_over, "hello", &data, &size, &err),
                          THAW_CHILD_DONE);
    CU_ASSERT_EQUAL_FATAL(size, 64 + 5000 * sizeof(float) + 3);
    CU_ASSERT_EQUAL(memcmp(data, "hello\0\0\0", 8), 0);
    CU_ASSERT_EQUAL(((float *)data)[16 + 4999], 4999);
    CU_ASSERT_EQUAL(memcmp((char *)data + size - 3, "end", 3), 0);
    thaw_child_release(data, size);
}

static int nothing(void *ctx, struct thaw_child_out *out, struct thaw_error *err)
{
    (void)ctx;
    (void)out;
    (void)err;
    return 0;
}

static int complain(void *ctx, struct thaw_child_out *out, struct thaw_error *err)
{
    (void)out;
    return thaw_fail(err, THAW_EUSAGE, "no\033such %s", (char *)ctx);
}

static int too_much(void *ctx, struct thaw_child_out *out, struct thaw_error *err)
{
    (void)ctx;
    return thaw_child_map(out, (1 << 20) + 1, err) ? 0 : -1;
}

static int crash(void *ctx, struct thaw_child_out *out, struct thaw_error *err)
{
    (void)out;
    (void)err;
    raise(*(int *)ctx);
    return 0;
}

static int leave(void *ctx, struct thaw_child_out *out, struct thaw_error *err)
{
    (void)ctx;
    (void)out;
    (void)err;
    _exit(7);
}

static int spin(void *ctx, struct thaw_child_out *out, struct thaw_error *err)
{
    (void)out;
    (void)err;
    for (volatile int *go_on = ctx; *go_on;)
        continue;
    return 0;
}

static int doze(void *ctx, struct thaw_child_out *out, struct thaw_error *err)
{
    (void)ctx;
    (void)out;
    (void)err;
    return pause();
}

static void expect(enum thaw_child_end want, thaw_child_fn *fn, void *ctx,
                   const struct thaw_child_limits *l, const char *text)
{
    struct thaw_error err = {0};
    void *data = &err;
    size_t size = 1;
    CU_ASSERT_EQUAL(thaw_child_run(l, fn, ctx, &data, &size, &err), want);
    CU_ASSERT_PTR_NULL(data);
    CU_ASSERT_EQUAL(size, 0);
    CU_ASSERT(thaw_says(&err, text, NULL));
}

static void test_ends(void)
{
    struct thaw_child_limits patient = limits;
    patient.wall = 60;
    expect(THAW_CHILD_DONE, nothing, NULL, &limits, "");
    expect(THAW_CHILD_FAILED, complain, "thing", &limits, "no?such thing");
    expect(THAW_CHILD_FAILED, too_much, NULL, &limits, "more than 1 MiB");
    expect(THAW_CHILD_DIED, crash, &(int){SIGSEGV}, &limits, "stopped by signal 11");
    expect(THAW_CHILD_DIED, crash, &(int){SIGABRT}, &limits, "stopped by signal 6");
    expect(THAW_CHILD_DIED, leave, NULL, &limits, "exit code 7");
    expect(THAW_CHILD_DIED, doze, NULL, &limits, "after 1 s without a result");
    expect(THAW_CHILD_DIED, spin, &(int){1}, &patient, "1 s of processor time");
}

void thaw_test_child(void)
{
    CU_pSuite s = thaw_suite("child process");
    CU_add_test(s, "its result comes back", test_result);
    CU_add_test(s, "however it ends, the parent lives", test_ends);
}
