// Runs a list of operations in one OpenMP region.
#include "step.h"

#include <omp.h>

using secretariat::Meeting;
using secretariat::Step;
using secretariat::Team;

struct Node {
    void (*operation)(const void *, const Step &, const Team &);
    const void *args;
    int32_t adapted;  // 1: only where a run of the step carries an adapter
    int32_t ring;     // 1: its pages are those of windows, which lie in the slots
};

static bool any_adapter(const Step &step) {
    for (int r = 0; step.adapters && r < step.runs; r++)
        if (step.adapters[r]) return true;
    return false;
}

// `ring_pages`: what `pages` is to operations on rings. `seconds`: null, or where each operation's time goes, its barrier included; 0 for one that is passed over.
extern "C" void run_program(const Node *nodes, int64_t count, const Step *step, const int32_t *ring_pages,
                            int threads, double *seconds) {
    Meeting meeting;
    Step on_rings = *step;
    on_rings.pages = ring_pages;
    const bool adapted = any_adapter(*step);
#pragma omp parallel num_threads(threads)
    {
        const Team team{omp_get_thread_num(), omp_get_num_threads(), &meeting};
        const bool timed = seconds && team.rank == 0;
        for (int64_t i = 0; i < count; i++) {
            if (nodes[i].adapted && !adapted) continue;
            const double began = timed ? omp_get_wtime() : 0;
            nodes[i].operation(nodes[i].args, nodes[i].ring ? on_rings : *step, team);
            team.barrier();
            if (timed) seconds[i] = omp_get_wtime() - began;
        }
    }
}
