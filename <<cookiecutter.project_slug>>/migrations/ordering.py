"""Order the operations that `flask db migrate` writes so that every database accepts them.

Alembic drops a table before the foreign keys that lead to it, and an index before the foreign key
that needs it.
"""

from alembic.operations import ops


def arrange(changes: ops.OpContainer) -> None:
    """Put the operations of an upgrade or a downgrade into an order that works."""
    _leave_indexes_to_their_tables(changes)
    _drop_tables_last(changes)
    for op in changes.ops:
        if isinstance(op, ops.ModifyTableOps):
            op.ops = sorted(op.ops, key=_rank_in_table)


def _leave_indexes_to_their_tables(changes: ops.OpContainer) -> None:
    """Drop no index of a table that is dropped: a foreign key may need it until then."""
    dropped = {op.table_name for op in changes.ops if isinstance(op, ops.DropTableOp)}
    for op in changes.ops:
        if isinstance(op, ops.ModifyTableOps) and op.table_name in dropped:
            op.ops = [each for each in op.ops if not isinstance(each, ops.DropIndexOp)]


def _drop_tables_last(changes: ops.OpContainer) -> None:
    """Create tables before others refer to them, and drop them when none does any more."""
    created = {op.table_name for op in changes.ops if isinstance(op, ops.CreateTableOp)}

    def rank(op: ops.MigrateOperation) -> int:
        if isinstance(op, ops.DropTableOp):
            return 2
        # What completes a new table, such as its indexes, stays beside it.
        return int(isinstance(op, ops.ModifyTableOps) and op.table_name not in created)

    kinds = (ops.CreateTableOp, ops.ModifyTableOps, ops.DropTableOp)
    places = [place for place, op in enumerate(changes.ops) if isinstance(op, kinds)]
    tables = sorted((changes.ops[place] for place in places), key=rank)
    for place, op in zip(places, tables, strict=True):
        changes.ops[place] = op


def _rank_in_table(op: ops.MigrateOperation) -> int:
    """Rank operations: keys and indexes are dropped before what they need, and created after it."""
    if isinstance(op, ops.DropConstraintOp) and op.constraint_type == "foreignkey":
        return 0
    ranks = {ops.DropIndexOp: 1, ops.CreateIndexOp: 3, ops.CreateForeignKeyOp: 4}
    return ranks.get(type(op), 2)
