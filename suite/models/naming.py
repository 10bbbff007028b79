"""Which part of a model a weight is, by the names that the field gives to modules."""

from __future__ import annotations

# In every family that has such a name, it means this.
PARTS = {
    **dict.fromkeys(("q_proj", "wq", "Wq", "query", "q_a_proj", "q_b_proj"), "q"),
    **dict.fromkeys(("k_proj", "wk", "Wk", "key"), "k"),
    **dict.fromkeys(("v_proj", "wv", "Wv", "value"), "v"),
    **dict.fromkeys(("qkv_proj", "query_key_value", "c_attn", "Wqkv", "wqkv", "qkv", "att_proj"), "qkv"),
    **dict.fromkeys(("kv_proj", "kv_a_proj_with_mqa", "kv_b_proj"), "kv"),
    **dict.fromkeys(("o_proj", "wo", "attn_out"), "o"),
    **dict.fromkeys(("gate_proj", "w1", "linear"), "gate"),
    **dict.fromkeys(("up_proj", "w3", "fc1", "c_fc", "fc_in", "dense_h_to_4h", "linear_v"), "up"),
    **dict.fromkeys(("gate_up_proj", "gate_and_up_proj"), "gate_up"),
    **dict.fromkeys(("down_proj", "w2", "fc2", "fc_out", "dense_4h_to_h", "linear_1"), "down"),
}
# These lead out of the attention or out of the MLP, whichever they are in.
OUTWARD = ("c_proj", "dense", "out_proj", "proj", "wo")
ROUTERS = ("gate", "shared_expert_gate", "wg")  # where such a module has an output for each expert, or one


def part_of(name: str) -> str | None:
    """The part of a weight by its module's whole name, `model.layers.0.self_attn.q_proj`; None where nothing tells."""
    *path, own = name.split(".")
    if own in OUTWARD:
        return "o" if in_attention(path) else "down"
    return PARTS.get(own)


def is_router(name: str, kind: str, to_experts: bool) -> bool:
    """Whether a module says which expert a token goes to.

    Args:
        name: its whole name.
        kind: the name of its class.
        to_experts: it has an output for each expert, or a single one.
    """
    routes = "router" in kind.lower() or any("router" in step.lower() for step in name.split("."))
    return routes or (to_experts and name.rpartition(".")[2] in ROUTERS)


def in_attention(path: list[str]) -> bool:
    """Whether a module lies inside an attention, by the names on the way to it."""
    return any("attn" in step.lower() or "attention" in step.lower() for step in path)
