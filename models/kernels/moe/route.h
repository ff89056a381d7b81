// Which experts a token passes, and the tokens of each expert.
#pragma once
#include "core/columns.h"
#include "core/step.h"

namespace secretariat {

enum Score : int32_t { SOFTMAX, SIGMOID, SOFTMAX_TOP };  // as cpu.py numbers them

// Mirrors `ChoiceArgs` of cpu.py. N tokens, K choices of each, X experts. Choices sorted by expert are rows.
struct Choice {
    int32_t *chosen;  // [N, K] experts, best first
    float *weights;   // [N, K]
    int32_t *row;     // [N, K] of the sorted choices
    int32_t *token;   // [N * K] of each row
    int32_t *first;   // [X + 1] row of each expert
    int32_t experts, top;
};

struct RouteArgs {
    Columns logits;     // [N, X]
    const float *bias;  // [X] or null: takes part in the choice alone
    Choice choice;
    Score score;
    int32_t renormalise;  // 1: by the norm below
    float power, eps, scale;
};

constexpr int MAX_EXPERTS = 1024, MAX_TOP = 64;

// [X] scores of a token, and in `wanted` what the choice goes by.
static void score(const RouteArgs &a, const float *logits, float *scores, float *wanted) {
    const int64_t experts = a.choice.experts;
    lane peak = all(-INFINITY), total{};
    for (int64_t x = 0; x < experts; x += LANES) peak = larger(peak, load_left(logits + x, experts - x, -INFINITY));
    const lane most = all(largest(peak));
    for (int64_t x = 0; x < experts; x += LANES) {
        lane v = load_left(logits + x, experts - x, -INFINITY);
        if (a.score == SOFTMAX) v = exp(v - most);
        if (a.score == SIGMOID) v = sigmoid(v);
        total += v;
        store(scores + x, v);
    }
    const lane scale = all(a.score == SOFTMAX ? 1.0f / sum(total) : 1.0f);
    for (int64_t x = 0; x < experts; x += LANES) {
        const lane v = load(scores + x) * scale;
        store(scores + x, v);
        store(wanted + x, a.bias ? v + load_left(a.bias + x, experts - x) : v);
    }
}

static float norm(const float *weights, int count, float power) {
    float total = 0;
    for (int k = 0; k < count; k++) {
        const float size = fabsf(weights[k]);
        total += power == 1 ? size : power == 2 ? size * size : powf(size, power);
    }
    return power == 1 ? total : power == 2 ? sqrtf(total) : powf(total, 1 / power);
}

static void choose(const RouteArgs &a, int64_t token) {
    const Choice &to = a.choice;
    alignas(64) float scores[MAX_EXPERTS], wanted[MAX_EXPERTS];
    bool taken[MAX_EXPERTS] = {};
    score(a, a.logits.row(token), scores, wanted);
    int32_t *chosen = to.chosen + token * to.top;
    float *weights = to.weights + token * to.top;
    for (int k = 0; k < to.top; k++) {
        int best = -1;
        for (int x = 0; x < to.experts; x++)
            if (!taken[x] && (best < 0 || wanted[x] > wanted[best])) best = x;
        taken[best] = true;
        chosen[k] = best;
        weights[k] = scores[best];
    }
    if (a.score == SOFTMAX_TOP) {
        float most = weights[0], total = 0;
        for (int k = 1; k < to.top; k++) most = weights[k] > most ? weights[k] : most;
        for (int k = 0; k < to.top; k++) total += weights[k] = exp(weights[k] - most);
        for (int k = 0; k < to.top; k++) weights[k] /= total;
    }
    const float divisor = a.renormalise ? norm(weights, to.top, a.power) + a.eps : 1;
    for (int k = 0; k < to.top; k++) weights[k] = weights[k] / divisor * a.scale;
}

// By expert, and tokens in order within one.
static void sort(const Choice &choice, int64_t tokens) {
    memset(choice.first, 0, sizeof(int32_t) * (choice.experts + 1));
    for (int64_t i = 0; i < tokens * choice.top; i++) choice.first[choice.chosen[i] + 1]++;
    for (int x = 0; x < choice.experts; x++) choice.first[x + 1] += choice.first[x];
    int32_t next[MAX_EXPERTS];
    memcpy(next, choice.first, sizeof(int32_t) * choice.experts);
    for (int64_t i = 0; i < tokens * choice.top; i++) {
        const int32_t row = next[choice.chosen[i]]++;
        choice.row[i] = row;
        choice.token[row] = (int32_t)(i / choice.top);
    }
}

}  // namespace secretariat
