"""${message.strip().replace("\\", "\\\\").replace('"', '\\"')}"""

import sqlalchemy as sa
from alembic import op
${imports + "\n" if imports else ""}
revision = "${up_revision}"
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    """Apply the change."""
% if upgrades:
    ${upgrades}
% endif


def downgrade() -> None:
    """Undo the change."""
% if downgrades:
    ${downgrades}
% endif
