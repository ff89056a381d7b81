/** The one place where names of the generated schema are taken up; everything else imports from here. */
import type { components } from "@/api/schema.gen";

export {
  auditRecordViewOutcomeValues as AUDIT_OUTCOMES,
  pathsApiV1AuditRecordsGetParametersQueryEvent_typeAnyOf0Values as AUDIT_EVENT_TYPES,
} from "@/api/schema.gen";

type Schemas = components["schemas"];

export type Session = Schemas["SessionView"];
export type SignInOptions = Schemas["SignInOptions"];
export type Collection = Schemas["Collection"];
export type Document = Schemas["Document"];
export type DocumentStatus = Document["status"];
export type DocumentText = Schemas["DocumentText"];
export type Chunk = Schemas["Chunk"];
export type FoundPassages = Schemas["Passages"];
export type FoundPassage = Schemas["Passage"];
export type Facets = Schemas["Facets"];
export type Facet = Schemas["Facet"];
export type DocumentReport = Schemas["Report"];
export type Reader = Schemas["Reader"];
export type DocumentAccess = Schemas["DocumentAccess"];
export type AccessPath = Schemas["AccessPath"];
export type Grant = Schemas["Grant"];
export type IndexState = Schemas["Index"];
export type PageBox = Schemas["PageBox"];
export type Quote = Schemas["Quote"];
export type Task = Schemas["Task"];
export type TaskStatus = Task["status"];
export type PlanStep = Schemas["PlanStep"];
export type Citation = Schemas["CitationClaim"];
export type Passage = Schemas["RetrievedPassage"];
export type ModelUse = Schemas["ModelUse"];
export type RecordedEvent = Schemas["TaskEventView"];
export type TaskEvent = RecordedEvent["payload"];
export type Artifact = Schemas["Artifact"];
export type ArtifactRef = Schemas["ArtifactRef"];
export type Conversation = Schemas["Conversation"];
export type Turn = Schemas["Turn"];
export type RecordedTurnEvent = Schemas["TurnEventView"];
export type TurnEvent = RecordedTurnEvent["payload"];
export type TurnRoute = Schemas["RouteView"];
export type Recollection = Schemas["Recollection"];
export type Feedback = Schemas["Feedback"];
export type Share = Schemas["Share"];
export type Principal = Schemas["PrincipalView"];
export type QuestionSet = Schemas["QuestionSetView"];
export type SearchConfiguration = Schemas["SearchConfiguration"];
export type Evaluation = Schemas["Evaluation"];
export type EvaluationResult = Schemas["EvaluationResult"];
export type ConfigurationResult = Schemas["ConfigurationResult"];
export type EvaluatedQuestion = Schemas["EvaluatedQuestion"];
export type QuestionResult = Schemas["QuestionResult"];
export type RequiredFound = Schemas["RequiredFound"];
export type FoundDocument = Schemas["FoundDocument"];
export type Comparison = Schemas["Comparison"];
export type ChangedQuestion = Schemas["ChangedQuestion"];
export type MeasureDifference = Schemas["MeasureDifference"];
export type StrategiesResult = Schemas["StrategiesResult"];
export type StrategyResult = Schemas["StrategyResult"];
export type StrategyFigures = Schemas["StrategyFigures"];
export type StrategyName = StrategyResult["strategy"];
export type TrainingJob = Schemas["TrainingJob"];
export type TrainingRequest = Schemas["TrainingRequest"];
export type TrainingMetric = Schemas["TrainingMetric"];
export type TrainingMetrics = Schemas["TrainingMetrics"];
export type TrainingExample = Schemas["TrainingExample"];
export type TrainingUpload = Schemas["TrainingUpload"];
export type Adapter = Schemas["Adapter"];
export type AdapterEvaluation = Schemas["AdapterEvaluation"];
export type BlindComparison = Schemas["BlindComparison"];
export type Assistant = Schemas["Assistant"];
export type Job = Schemas["JobView"];
export type JobStatus = Job["status"];
export type AuditRecord = Schemas["AuditRecordView"];
export type AuditVerification = Schemas["ChainVerdict"];
export type RevealedContent = Schemas["RevealedContent"];
export type ComplianceExport = Schemas["ExportView"];
export type User = Schemas["UserView"];
export type Group = Schemas["GroupView"];
export type Role = Schemas["RoleView"];
export type ApiKey = Schemas["KeyView"];
export type CreatedKey = Schemas["KeyCreated"];
export type Connection = Schemas["ConnectionView"];
export type ConnectionCreate = Schemas["ConnectionCreate"];

/** Every list endpoint answers with this envelope. */
export type Page<Row> = {
  data: Row[];
  last_id?: string | null;
  has_more: boolean;
};
