// What every operation of a step is given: the step's tokens, and the threads that share the work.
#pragma once
#include <stdint.h>

#include <atomic>

namespace secretariat {

// Mirrors `Step` of library.py, field by field. N tokens, R runs, M rows of logits.
struct Step {
    int32_t tokens, runs, wanted, exact;
    const int32_t *ids;          // [N]
    const int32_t *positions;    // [N] in the sequence
    const int32_t *run_of;       // [N]
    const int32_t *starts;       // [R + 1] offsets in N
    const int32_t *begins;       // [R] tokens of the sequence before this step
    const int32_t *page_starts;  // [R + 1] offsets in pages
    const int32_t *pages;        // physical pages of each run, one run after the other
    const int32_t *slots;        // [R]
    const int32_t *held;         // [R] 1: states are read, not advanced, and what they would take is kept
    const int32_t *adapters;     // [R]
    const int32_t *rows;         // [M] rows of N
    float *logits;               // [M, vocab]
};

struct alignas(64) Meeting {
    std::atomic<int32_t> arrived{0};
    alignas(64) std::atomic<int32_t> turn{0};
};

// The threads of one region. Work is cut by rank, so which thread does what never changes a result.
struct Team {
    int rank, size;
    Meeting *meeting;

    // All wait for all. Spins briefly, then lets others run: cores may be shared.
    void barrier() const;

    // This thread's share of `count` items, in whole multiples of `grain` where possible.
    void share(int64_t count, int64_t grain, int64_t &begin, int64_t &end) const {
        const int64_t blocks = (count + grain - 1) / grain;
        begin = blocks * rank / size * grain;
        end = blocks * (rank + 1) / size * grain;
        if (begin > count) begin = count;
        if (end > count) end = count;
    }
};

inline void relax() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

}  // namespace secretariat

#include <sched.h>

namespace secretariat {

inline void Team::barrier() const {
    if (size == 1) return;
    const int32_t turn = meeting->turn.load(std::memory_order_relaxed);
    if (meeting->arrived.fetch_add(1, std::memory_order_acq_rel) == size - 1) {
        meeting->arrived.store(0, std::memory_order_relaxed);
        meeting->turn.store(turn + 1, std::memory_order_release);
        return;
    }
    for (int spins = 0; meeting->turn.load(std::memory_order_acquire) == turn; spins++) {
        if (spins < 256) relax();  // some ten microseconds
        else sched_yield();
    }
}

}  // namespace secretariat

// An operation: `args` is its own struct. It ends without a barrier; the program puts one between operations.
#define OPERATION(name) \
    extern "C" void name(const void *raw, const secretariat::Step &step, const secretariat::Team &team)
