"""A directory as users download it: weights, configuration, tokenizer, template, card, and a picture."""

import json
import shutil
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from tests.models.nets.families import VOCAB, family


def download(folder: Path, target: Path, name: str = "granite") -> Path:
    """`folder`: where the family was or will be saved for the session."""
    shutil.copytree(family(name, folder).directory, target)
    _tokenizer().save(str(target / "tokenizer.json"))
    (target / "chat_template.jinja").write_text("{{ bos_token }}{{ messages[0].content }}")
    (target / "tokenizer_config.json").write_text(json.dumps({"bos_token": "<s>"}))
    (target / "README.md").write_text("---\nlicense: apache-2.0\n---\nA model.\n")
    (target / "picture.png").write_bytes(b"\x89PNG")
    return target


def _tokenizer() -> Tokenizer:
    """Single bytes, as many as a tiny network has rows for; the rest of a text is left out."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())[: VOCAB - 2]
    backend = Tokenizer(models.BPE(vocab={token: 2 + i for i, token in enumerate(alphabet)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    described = json.loads(backend.to_str())
    described["model"]["vocab"] |= {"<s>": 0, "</s>": 1}
    backend = Tokenizer.from_str(json.dumps(described))
    backend.add_special_tokens(
        [AddedToken(token, normalized=False, special=True) for token in ("<s>", "</s>")]
    )
    return backend
